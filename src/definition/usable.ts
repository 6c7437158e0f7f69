import { checkDefinition } from './checks.js';
import type { Found } from './explain.js';
import type { RankerDefinition } from './schema.js';

/** Parts that are maps from names: one bad member leaves the others to be checked. */
const maps = ['features', 'tasks', 'labels', 'metrics'];
/** In other parts, a key that no check of another key looks at: it alone is left out. */
const standsAlone = (part: string, key: string): boolean =>
  part === 'training' || part === 'stream' || (part === 'score' && key !== 'weights');
/** As a name would be written that was refused as none: what refers to it may be right. */
const asName = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
/** What stands in for a part that cannot be left out and that nothing can be said of. */
const standIns: Readonly<Record<string, unknown>> = {
  name: 'ranker',
  features: {},
  tasks: {},
  network: { kind: 'independent' },
  score: { form: 'sum', weights: {} },
};

/**
 * What the checks find in the parts of a definition that its schema has nothing against, so that all mistakes are told at
 * once. Nothing is said of a part that the schema refused, nor of references to it: they may be right.
 */
export const checkUsable = (value: unknown, refused: readonly Found[]): Found[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const definition = structuredClone(value) as Record<string, Record<string, unknown> | undefined>;
  const gone = new Set<string>();
  for (const {
    path: [part, name],
  } of refused) {
    if (part === undefined) continue;
    const members = definition[part];
    const key = String(name);
    if (name !== undefined && typeof members === 'object' && maps.includes(String(part))) {
      Reflect.deleteProperty(members, name);
      gone.add(key).add(asName(key));
    } else if (name !== undefined && typeof members === 'object' && standsAlone(String(part), key)) {
      Reflect.deleteProperty(members, name);
    } else {
      Reflect.deleteProperty(definition, part);
      for (const member of Object.keys(members ?? {})) gone.add(member);
    }
  }
  const found = attempt(() => checkDefinition({ ...standIns, ...definition } as unknown as RankerDefinition));
  return found.filter(({ message }) => ![...gone].some((name) => message.includes(`"${name}"`)));
};

/** What the schema refused may be of any shape, and a check that trips over it has nothing to say. */
const attempt = (check: () => Found[]): Found[] => {
  try {
    return check();
  } catch {
    return [];
  }
};
