import { durationMs } from '../../definition/index.js';
import type { FeatureKind } from '../feature.js';
import { cellReader, keyReader } from '../fields.js';
import { logarithm, standardEncoder, standardFitter } from '../fitting/standardise.js';
import { correctionShare, feedbackDelayMs, outcomeReader } from '../outcomes.js';
import { addDecayed, decayFactor, fadeSpan } from '../state/decay.js';
import type { Labels } from '../types.js';

/** How many impressions, or positives of a task, a key has had, decayed; log1p, standardised. Nothing known: 0. */
export const count: FeatureKind<'count'> = ({ scope, definition, ranker }) => {
  const halfLifeMs = definition.half_life === undefined ? undefined : durationMs(definition.half_life);
  const key = keyReader(scope, definition.key);
  const outcome = definition.of === undefined ? undefined : outcomeReader(ranker, definition.of);
  const amountOf = (labels: Labels): number => {
    const amount = outcome === undefined ? 1 : outcome(labels);
    return amount > 0 ? amount : 0;
  };
  return {
    type: 'numbers',
    width: 1,
    state: {
      cellWidth: 1,
      updateWidth: 1,
      delayMs: feedbackDelayMs(ranker, definition.feedback_delay),
      ...fadeSpan(halfLifeMs),
      describe(event, keyOut, update) {
        const { labels, before } = event;
        const change =
          before === undefined
            ? amountOf(labels)
            : (amountOf(labels) - amountOf(before)) * correctionShare(event, halfLifeMs);
        if (change === 0 || !key(event, keyOut)) return false;
        update[0] = change;
        return true;
      },
      apply(cells, row, { time, update, at }) {
        const cell = row * cells.stride;
        addDecayed(cells.values, cell, { time, amounts: update, at, count: 1, halfLifeMs });
      },
    },
    reader(tools) {
      const find = cellReader({ scope, key: definition.key }, tools);
      const { cells } = tools;
      return (entry, out, at) => {
        out[at] = 0;
        const row = find(entry);
        if (cells === undefined || row < 0) return;
        const { stride, values } = cells;
        const cell = row * stride;
        out[at] = (values[cell + 1] ?? 0) * decayFactor(entry.time - (values[cell] ?? 0), halfLifeMs);
      };
    },
    encodedWidth: 1,
    fitter: () => standardFitter(logarithm),
    encoder: (fit) => standardEncoder(fit, logarithm, undefined),
  };
};
