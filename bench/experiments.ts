import { performance } from 'node:perf_hooks';
import { createExposureMemory, readConfiguration } from '../src/experiments/index.js';
import { median, type BenchTable } from './table.js';

const users = 20_000;
const rounds = 9;
const layers = ['score', 'exploration', 'answer'] as const;
const perLayer = 4;
const settings = {
  score: { weights: { click: 1, like: 0.7, rating: 0.4 } },
  exploration: { exploration: { share: 0.1, temperature: 0.5 } },
  answer: { limit: 20 },
} as const;

/** Twelve experiments in three layers, each a feature of its own, aimed at a country and with two arms. */
export const twelveExperiments = {
  features: Object.fromEntries(
    layers.flatMap((layer) =>
      Array.from({ length: perLayer }, (_, part) => [
        `watchnext.${layer}-${part}`,
        {
          defaultValue: {},
          rules: [
            {
              key: `${layer}-${part}`,
              phase: '1',
              hashVersion: 2,
              namespace: [layer, part / perLayer, (part + 1) / perLayer],
              condition: { country: { $in: ['DE', 'FR', 'NL'] } },
              variations: [{}, settings[layer]],
              meta: [{ key: 'control' }, { key: 'changed' }],
            },
          ],
        },
      ]),
    ),
  ),
};

const microseconds = (work: (user: string) => void): number =>
  median(
    Array.from({ length: rounds }, () => {
      const started = performance.now();
      for (let user = 0; user < users; user++) work(String(user));
      return ((performance.now() - started) * 1000) / users;
    }),
  );

/** What experiments cost a request. */
export const runExperimentsBench = (): Promise<BenchTable> => {
  const { assign } = readConfiguration(twelveExperiments, 'bench');
  const attributes = { country: 'DE', device: 'phone', age_group: '20_to_34' };
  const memory = createExposureMemory({ capacity: 4 * users * layers.length });
  const bare = microseconds((userId) => void assign({ userId, attributes }));
  const remembered = microseconds(
    (userId) => void memory.firstTimes({ id: userId, time: 0 }, assign({ userId, attributes }).exposed),
  );
  return Promise.resolve({
    title: 'Assignment to 12 experiments, per request',
    columns: ['what', 'microseconds'],
    rows: [
      ['12 features evaluated, arms merged', Number(bare.toFixed(1))],
      ['and looked up who was exposed before', Number(remembered.toFixed(1))],
    ],
    notes: [`Three layers of four experiments with targeting; ${users} users, the median of ${rounds} rounds.`],
  });
};
