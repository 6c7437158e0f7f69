import type { RankerDefinition } from '../../src/definition/index.js';
import type { Fields } from '../../src/features/index.js';
import type { LoggedRequest } from '../../training/dataset/index.js';
import { SeededRandom } from '../../training/fit/random.js';

export const hourMs = 3_600_000;
export const worldStart = Date.UTC(2024, 0, 1);

/** A ranker with an id on either side, state, a masked regression and a bias tower. */
export function smallRanker(training: RankerDefinition['training'] = {}): RankerDefinition {
  return {
    name: 'small',
    features: {
      user_id: { kind: 'id', scope: 'user', dim: 4 },
      item_id: { kind: 'id', scope: 'candidate', dim: 4 },
      seen: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', last: 5, shares: 'item_id' },
      length: { kind: 'number', scope: 'candidate', transform: 'log1p' },
      rate: { kind: 'rate', scope: 'candidate', key: 'item_id', of: 'click' },
      device: { kind: 'category', scope: 'context', values: ['phone', 'tv'] },
    },
    tasks: {
      click: { kind: 'binary', label: 'clicked' },
      watch: { kind: 'regression', label: 'seconds', transform: 'log1p', when: 'click', weight: 0.5 },
    },
    network: { kind: 'mmoe', experts: 2, expert_layers: [16], towers: [8] },
    bias: { features: ['position', 'device'], positions: 3, tasks: ['click'] },
    score: { form: 'product', weights: { click: 1, watch: 0.5 } },
    training: {
      batch: 64,
      optimizer: { kind: 'sgd', rate: 0.1 },
      embeddings: { kind: 'rowwise_adagrad', rate: 0.05 },
      embedding_init: 0.05,
      ...training,
    },
  };
}

/** Requests with one to six candidates; what is clicked depends on user and item, and seconds are known for clicks only. */
export function simulatedLog({ requests = 200, seed = 7 } = {}): LoggedRequest[] {
  const random = new SeededRandom(seed);
  const uniform = (): number => random.next() / 2 ** 32;
  return Array.from({ length: requests }, (_, index) => {
    const user = random.below(20);
    const candidates = Array.from({ length: 1 + random.below(6) }, (): Fields => {
      const item = random.below(30);
      return { item_id: item, length: uniform() < 0.1 ? null : 10 + item };
    });
    const clicks = candidates.map(({ item_id: item }) => {
      const taste = Math.sin(user * 3 + (item as number)) + 0.1 * ((item as number) - 15);
      return uniform() < 1 / (1 + Math.exp(-2 * taste)) ? 1 : 0;
    });
    return {
      requestId: `r${index}`,
      time: worldStart + index * hourMs,
      user: { user_id: user },
      context: { device: uniform() < 0.5 ? 'phone' : 'tv' },
      candidates,
      positions: Int32Array.from(candidates, (_, row) => row + 1),
      labels: [
        Float32Array.from(clicks),
        Float32Array.from(clicks, (click) => (click === 1 ? 5 + 50 * uniform() : Number.NaN)),
      ],
    };
  });
}

/** A data set that lies in memory. */
export function datasetOf(log: readonly LoggedRequest[]) {
  const within = ({ from = -Infinity, until = Infinity }: { from?: number; until?: number } = {}): LoggedRequest[] =>
    log.filter(({ time }) => time >= from && time < until);
  return {
    async *requests(range?: { from?: number; until?: number }) {
      for (const request of within(range)) yield await Promise.resolve(request);
    },
    count: (range?: { from?: number; until?: number }) =>
      Promise.resolve(within(range).reduce((rows, { candidates }) => rows + candidates.length, 0)),
  };
}
