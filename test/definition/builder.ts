import { parseDefinition, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError, type Problem } from '../../src/errors.js';

/** A small valid ranker; `edit` changes its YAML lines by replacement. */
export const rankerText = (replacements: Readonly<Record<string, string>> = {}): string => {
  let text = `name: films
features:
  user_id: {kind: id, scope: user, dim: 8}
  item_id: {kind: id, scope: candidate, dim: 8}
  genre: {kind: category, scope: candidate, values: [drama, comedy]}
  device: {kind: category, scope: context, values: [phone, tv]}
  length: {kind: number, scope: candidate, transform: log1p}
  watched: {kind: history, scope: user, of: item_id, on: click, last: 20, shares: item_id}
  item_rate: {kind: rate, scope: candidate, key: item_id, of: [click, watch], half_life: 3d}
tasks:
  click: {group: engagement, kind: binary, label: clicked}
  watch: {group: engagement, kind: regression, label: seconds, transform: log1p, when: click}
network: {kind: mmoe, experts: 4, expert_layers: [16], towers: [8], gate_dropout: 0.1}
bias: {features: [position, device], positions: 10, dropout: 0.1}
score: {form: product, weights: {click: 1, watch: 0.5}}
training: {batch: 64, epochs: 2, feedback_delay: 1d}
`;
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`the builder has no "${from}"`);
    text = text.replace(from, to);
  }
  return text;
};

export const ranker = (replacements: Readonly<Record<string, string>> = {}): RankerDefinition =>
  parseDefinition(rankerText(replacements), 'films.yaml');

/** What is wrong with a definition; nothing if it is taken. */
export const problemsOf = (text: string): readonly Problem[] => {
  try {
    parseDefinition(text, 'films.yaml');
  } catch (error) {
    if (error instanceof WatchnextError) return error.problems;
    throw error;
  }
  return [];
};
