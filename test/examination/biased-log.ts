import type { RankerDefinition } from '../../src/definition/index.js';
import type { LoggedRequest } from '../../training/dataset/index.js';
import { drawOf, truth } from './platform.js';

export interface BiasedLog {
  readonly log: readonly LoggedRequest[];
  /** By item: P(click | looked at). */
  readonly relevance: readonly number[];
}

const items = 80;
const listed = 8;

/**
 * A platform whose order feeds on itself: it ranks by a belief about each item that is half wrong, so that some items stand
 * high for ever and others low, whatever they are worth. Clicks follow the position-based model.
 */
export function biasedLog({ requests, seed }: { readonly requests: number; readonly seed: number }): BiasedLog {
  const { uniform, below } = drawOf(seed, 31);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const worth = Array.from({ length: items }, normal);
  const belief = worth.map((value) => 0.5 * value + normal());
  const relevance = worth.map((value) => 1 / (1 + Math.exp(1.2 - value)));
  const log = Array.from({ length: requests }, (_, request): LoggedRequest => {
    const candidates = new Set<number>();
    while (candidates.size < listed) candidates.add(below(items));
    const order = [...candidates]
      .map((item) => ({ item, score: belief[item]! + 0.3 * normal() }))
      .sort((a, b) => b.score - a.score)
      .map(({ item }) => item);
    return {
      requestId: `r${request}`,
      time: Date.UTC(2026, 0, 1) + request * 60_000,
      user: { user_id: below(50) },
      context: { device: 'phone' },
      candidates: order.map((item) => ({ item_id: item })),
      positions: Int32Array.from(order, (_item, place) => place + 1),
      labels: [Float32Array.from(order, (item, place) => (uniform() < truth(place + 1) * relevance[item]! ? 1 : 0))],
    };
  });
  return { log, relevance };
}

export const rankerOf = (bias: RankerDefinition['bias'], seed = 1): RankerDefinition => ({
  name: 'treated',
  features: {
    item_id: { kind: 'id', scope: 'candidate', dim: 8 },
    user_id: { kind: 'id', scope: 'user', dim: 2 },
    device: { kind: 'category', scope: 'context', values: ['phone', 'tv'] },
  },
  tasks: { click: { kind: 'binary', label: 'clicked' } },
  network: { kind: 'shared_bottom', bottom: [16], towers: [8] },
  score: { form: 'sum', weights: { click: 1 } },
  training: {
    batch: 256,
    epochs: 4,
    optimizer: { kind: 'adam', rate: 0.005, schedule: 'linear' },
    embeddings: { kind: 'lazy_adam', rate: 0.02 },
    embedding_init: 0.1,
    seed,
  },
  ...(bias === undefined ? {} : { bias }),
});

/** NDCG of whole lists, gain being the true relevance, mean over the requests. */
export function meanNdcg(
  lists: readonly { readonly scores: readonly number[]; readonly gains: readonly number[] }[],
): number {
  const dcg = (gains: readonly number[]): number =>
    gains.reduce((sum, gain, rank) => sum + gain / Math.log2(rank + 2), 0);
  return (
    lists.reduce((sum, { scores, gains }) => {
      const order = gains.map((_, at) => at).sort((a, b) => scores[b]! - scores[a]!);
      return sum + dcg(order.map((at) => gains[at]!)) / dcg([...gains].sort((a, b) => b - a));
    }, 0) / lists.length
  );
}
