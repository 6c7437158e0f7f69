import type { FeatureKind, StateShape } from '../feature.js';
import { cellReader, isMissing, keyReader, textOf } from '../fields.js';
import { hashText } from '../hash.js';
import { feedbackDelayMs, isPositive, outcomeReader } from '../outcomes.js';
import { tableUse } from '../tables.js';
import type { Labels } from '../types.js';

/**
 * The last ids (a candidate field) that a key, the user if left out, met with a positive outcome of a task; newest last,
 * embedded and averaged. A new key has an empty history. A correction is remembered when it turns the outcome positive.
 *
 * A cell is a ring: [time, how many were ever remembered, ids...], each id two 32-bit words in the place of a float64.
 */
export const history: FeatureKind<'history'> = ({ name, scope, definition, ranker }) => {
  const last = definition.last ?? 50;
  const key = keyReader(scope, definition.key ?? 'user_id');
  const hash = new Uint32Array(2);
  const outcome = definition.on === undefined ? undefined : outcomeReader(ranker, definition.on);
  const isMet = (labels: Labels): boolean => outcome === undefined || isPositive(outcome(labels));
  const state: StateShape = {
    cellWidth: 1 + last,
    updateWidth: 2,
    delayMs: feedbackDelayMs(ranker, definition.feedback_delay),
    describe(event, keyOut, update) {
      if (!isMet(event.labels) || (event.before !== undefined && isMet(event.before))) return false;
      const value = event.candidate[definition.of];
      const text = isMissing(value) ? undefined : textOf(value);
      if (text === undefined || !key(event, keyOut)) return false;
      hashText(text, hash, 0);
      update.set(hash);
      return true;
    },
    apply(cells, row, { time, update, at }) {
      const cell = row * cells.stride;
      const { values, words } = cells;
      const count = values[cell + 1] ?? 0;
      values[cell] = Math.max(values[cell] ?? 0, time);
      values[cell + 1] = count + 1;
      const word = 2 * (cell + 2 + (count % last));
      words[word] = update[at] ?? 0;
      words[word + 1] = update[at + 1] ?? 0;
    },
  };
  return {
    type: 'keys',
    table: tableUse(name, definition),
    state,
    reader(tools) {
      const find = cellReader({ scope, key: definition.key ?? 'user_id' }, tools);
      const { cells } = tools;
      return (entry, keys) => {
        const row = find(entry);
        if (cells === undefined || row < 0) return;
        const { stride, values, words } = cells;
        const cell = row * stride;
        const count = values[cell + 1] ?? 0;
        for (let i = Math.max(0, count - last); i < count; i++) {
          const word = 2 * (cell + 2 + (i % last));
          keys.add(words[word] ?? 0, words[word + 1] ?? 0);
        }
      };
    },
  };
};
