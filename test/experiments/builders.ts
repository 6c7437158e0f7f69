import type { ArmCatalogue } from '../../src/experiments/index.js';
import { readConfiguration } from '../../src/experiments/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';

/** A rule with two arms, `control` and `changed`, split in halves. */
export const experiment = (key: string, parts: Readonly<Record<string, unknown>> = {}) => ({
  key,
  phase: '1',
  hashVersion: 2,
  variations: [{}, { limit: 10 }],
  meta: [{ key: 'control' }, { key: 'changed' }],
  ...parts,
});

/** Features with these rules; their defaults change nothing. */
export const payload = (
  features: Readonly<Record<string, readonly object[]>>,
  parts: Readonly<Record<string, unknown>> = {},
) => ({
  features: Object.fromEntries(
    Object.entries(features).map(([name, rules]) => [name, { defaultValue: {}, rules }] as const),
  ),
  ...parts,
});

const ranker = (name: string, bounds: Record<string, [number, number]>): RankerDefinition => ({
  name,
  features: { item_id: { kind: 'id', scope: 'candidate', dim: 4 } },
  tasks: Object.fromEntries(Object.keys(bounds).map((head) => [head, { kind: 'binary', label: head }])),
  network: { kind: 'shared_bottom' },
  score: { form: 'sum', weights: {}, bounds },
});

const rankers: Readonly<Record<string, RankerDefinition>> = {
  home: ranker('home', { click: [0, 2], like: [-1, 1] }),
  news: ranker('news', { click: [0, 1], share: [0, 3] }),
};

/** Rankers `home` (click, like; versions v1 and v2) and `news` (click, share; v9), which learns from the stream. */
export const catalogue: ArmCatalogue = {
  rankers: () => Object.keys(rankers),
  definitionOf: (name) => rankers[name],
  versions: (name) => ({ home: ['v1', 'v2'], news: ['v9'] })[name] ?? [],
  learns: (name) => name === 'news',
};

/** What is wrong with a payload, as `path: message (hint)`. */
export const problemsOf = (
  value: unknown,
  options: Parameters<typeof readConfiguration>[2] = { catalogue },
): string[] => {
  try {
    readConfiguration(value, 'test', options);
    return [];
  } catch (error) {
    if (!(error instanceof WatchnextError) || error.code !== 'experiments_invalid') throw error;
    return error.problems.map(({ path, message, hint = '' }) => `${path}: ${message} (${hint})`);
  }
};

export const users = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, user) => String(from + user));
