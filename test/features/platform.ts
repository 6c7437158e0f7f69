import { parseDefinition, type RankerDefinition } from '../../src/definition/index.js';
import type { EmbeddingReader } from '../../src/embeddings/index.js';
import type { Fields, Outcome, RankingInput } from '../../src/features/index.js';

/** Builders: definitions with what a test is about, requests with what it needs, outcomes of them. */
export const dayMs = 86_400_000;
export const start = Date.UTC(2026, 0, 5); // a Monday, midnight in UTC

export function ranker(options: {
  features: RankerDefinition['features'];
  training?: RankerDefinition['training'];
  bias?: RankerDefinition['bias'];
  tasks?: RankerDefinition['tasks'];
}): RankerDefinition {
  return {
    name: 'test',
    features: options.features,
    tasks: options.tasks ?? {
      click: { kind: 'binary', label: 'is_click' },
      watch: { kind: 'regression', label: 'seconds', transform: 'log1p', when: 'click' },
    },
    network: { kind: 'mmoe' },
    score: { form: 'sum', weights: { click: 1 } },
    ...(options.training === undefined ? {} : { training: options.training }),
    ...(options.bias === undefined ? {} : { bias: options.bias }),
  };
}

export function request(options: {
  time?: number;
  user?: Fields;
  context?: Fields;
  candidates?: readonly Fields[];
}): RankingInput {
  return {
    time: options.time ?? start,
    user: options.user ?? {},
    context: options.context ?? {},
    candidates: options.candidates ?? [{}],
  };
}

export function outcome(
  time: number,
  labels: Readonly<Record<string, number>>,
  fields: { user?: Fields; context?: Fields; candidate?: Fields } = {},
): Outcome {
  return {
    time,
    labels,
    user: fields.user ?? { user_id: 'u' },
    context: fields.context ?? {},
    candidate: fields.candidate ?? { item_id: 'i' },
  };
}

/** A table whose row for a key is [key's low word mod 7, 1, 1, ...]: pooling can be worked out by hand. */
export function countingTable(dim: number): EmbeddingReader {
  return {
    dim,
    size: 0,
    pool({ offsets, keys, out, stride, offset }) {
      for (let bag = 0; bag + 1 < offsets.length; bag++) {
        const from = offsets[bag] ?? 0;
        const until = offsets[bag + 1] ?? 0;
        for (let i = from; i < until; i++) {
          for (let d = 0; d < dim; d++) {
            const at = bag * stride + offset + d;
            out[at] = (out[at] ?? 0) + (d === 0 ? (keys[2 * i + 1] ?? 0) % 7 : 1) / (until - from);
          }
        }
      }
    },
  };
}

export { parseDefinition };
