import { parseDocument } from 'yaml';
import { replaceDurably } from '../durable.js';
import { WatchnextError } from '../errors.js';
import { nameHint } from '../nearest.js';
import { parsePayload, readConfiguration, readPayloadFile } from './configuration.js';
import type { ReadExperiment } from './rule.js';
import type { ArmCatalogue, ArmSettings } from './types.js';

export interface ArmEdit {
  readonly experiment: string;
  readonly arm: string;
  /** Take the place of what the arm sets under the same names; what it sets besides stays. */
  readonly settings: ArmSettings;
  /** Looks up what the settings name. */
  readonly catalogue?: ArmCatalogue;
}

export interface EditedArm {
  /** As they are now. */
  readonly settings: ArmSettings;
  /**
   * Different from before if the experiment can have users: in one phase an arm does one thing. Users keep their arms, so that
   * what the arms did before may still show; another seed draws them anew.
   */
  readonly phase: { readonly before: string; readonly now: string };
  /** False if the arm had these settings: then the file was not written. */
  readonly changed: boolean;
}

/**
 * Writes settings of an arm into a file of experiments, durably, and begins a new phase of an experiment that runs. All else
 * in the file stays as it is, letter for letter. Throws `experiments_invalid`, with the file untouched, if there is no such
 * arm or the file would not be valid.
 */
export const editArm = async (file: string, edit: ArmEdit): Promise<EditedArm> => {
  const { settings: wanted, catalogue } = edit;
  const text = await readPayloadFile(file);
  const before = readConfiguration(parsePayload(text, file), file);
  const { experiment, index } = find(file, before.read, edit);
  const { planned, at } = experiment;
  const previous = planned.arms[index]?.settings ?? {};
  const settings = { ...previous, ...wanted };
  const runs = planned.active && planned.coverage > 0;
  if (JSON.stringify(settings) === JSON.stringify(previous))
    return { settings, phase: { before: planned.phase, now: planned.phase }, changed: false };
  const phase = { before: planned.phase, now: runs ? nextPhase(planned.phase) : planned.phase };
  const changes: Change[] = [{ path: `${at}/variations/${index}`, value: settings }];
  if (runs) changes.push({ path: `${at}/phase`, value: phase.now });
  const edited = changes.reduce(replaceValue, text);
  const { begun } = before;
  readConfiguration(parsePayload(edited, file), file, { catalogue, begun });
  await replaceDurably(file, edited);
  return { settings, phase, changed: true };
};

const find = (
  file: string,
  experiments: readonly ReadExperiment[],
  { experiment: key, arm }: ArmEdit,
): { readonly experiment: ReadExperiment; readonly index: number } => {
  const refuse = (path: string, message: string, hint: string): never => {
    throw new WatchnextError('experiments_invalid', `${file} has no arm ${key}/${arm}`, {
      problems: [{ path, message, hint }],
    });
  };
  const setting = experiments.filter(({ planned }) => planned.arms.some(({ settings }) => settings !== undefined));
  const keys = setting.map(({ planned }) => planned.key);
  const experiment = setting.find(({ planned }) => planned.key === key);
  if (experiment === undefined)
    return refuse(file, `there is no experiment "${key}" with settings`, nameHint(key, keys));
  const arms = experiment.planned.arms.map((each) => each.key);
  const index = arms.indexOf(arm);
  if (index < 0) return refuse(experiment.at, `${key} has no arm "${arm}"`, nameHint(arm, arms));
  return { experiment, index };
};

/** "1" becomes "2", "spring" becomes "spring.2". */
const nextPhase = (phase: string): string =>
  /\d$/.test(phase) ? phase.replace(/(?<!\d)\d+$/, (digits) => String(Number(digits) + 1)) : `${phase}.2`;

interface Change {
  /** A JSON pointer. */
  readonly path: string;
  readonly value: unknown;
}

/** JSON is YAML, whose parser knows where each value stands in the text. */
const replaceValue = (text: string, { path, value }: Change): string => {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const document = parseDocument(text);
  const rangeOf = (node: unknown): readonly number[] | undefined =>
    (node as { range?: readonly number[] } | undefined)?.range;
  const range = rangeOf(document.getIn(parts, true));
  if (range !== undefined) return text.slice(0, range[0]) + inline(value) + text.slice(range[1]);
  const start = rangeOf(document.getIn(parts.slice(0, -1), true))?.[0] ?? 0;
  const [, space = ''] = /^(\s*)/.exec(text.slice(start + 1)) ?? [];
  const entry = `${space}${JSON.stringify(parts.at(-1))}: ${inline(value)},${space === '' ? ' ' : ''}`;
  return text.slice(0, start + 1) + entry + text.slice(start + 1);
};

/** In one line, with the spaces that people write. */
const inline = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${inline(inner)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
};
