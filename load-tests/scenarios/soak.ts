import { latenciesOf, quantile, regressionSlope, round, sortedValues } from '../measure/index.js';
import { createStandInLearner } from '../model/index.js';
import { sumOf } from '../service/index.js';
import { failures, latencyMeasures, use, warmUpPhase } from './measures.js';
import type { Deed, Drive } from './lab.js';
import { activate } from './swaps.js';
import type { Scenario } from './types.js';

const swapSeconds = 5;
/** Memory is looked at from here on: caches fill, the heap finds its size. */
const settledShare = 0.25;
const quarters = 4;

export const soak: Scenario = {
  about: `ten minutes at half load with a new version every ${swapSeconds} s and an update every second`,
  takesSeconds: [610, 610],
  sharesOfSaturation: false,
  run: (lab) =>
    lab.withService(async ({ drive: offer, service, models }) => {
      const { ranker } = lab.prepared;
      const seconds = lab.options.seconds ?? 600;
      const learner = await createStandInLearner({ models, ranker, seed: lab.options.seed });
      const quarter = (number: number): string => `quarter ${number}`;
      const warm = warmUpPhase(lab);
      const phases = [
        warm,
        ...Array.from({ length: quarters }, (_, at) => ({
          name: quarter(at + 1),
          seconds: seconds / quarters,
          rate: lab.heldRate,
        })),
      ];
      const deeds = Array.from({ length: Math.floor(seconds) }, (_, second): Deed => {
        const swaps = (second + 1) % swapSeconds === 0;
        const run = async (): Promise<void> => {
          if (swaps) await activate(service.url, ranker, await learner.seal());
          else await learner.publish();
        };
        return { atMs: 1000 * (warm.seconds + second + 0.25), run };
      });
      const drive = await offer({ phases, deeds });
      const all = Array.from({ length: quarters }, (_, at) => quarter(at + 1));
      const whole = all.flatMap((name) => latenciesOf(drive.recording, phases, { name }));
      const [first, last] = [quarter(1), quarter(quarters)].map((name) => drive.phase(name).latency.p99Ms);
      return {
        drive,
        measures: {
          p99Ms: round(quantile(sortedValues(whole), 0.99)),
          ...latencyMeasures(drive, quarter(1), 'firstQuarter'),
          ...latencyMeasures(drive, quarter(quarters), 'lastQuarter'),
          p99LastToFirst: round((last ?? NaN) / (first ?? NaN)),
          ...memoryTrend(drive, seconds),
          swaps: sumOf(drive.scrape, 'watchnext_swaps_total', { outcome: 'swapped' }),
          deltas: sumOf(drive.scrape, 'watchnext_deltas_total', { outcome: 'applied' }),
          refusedDeltas: sumOf(drive.scrape, 'watchnext_deltas_total', { outcome: 'refused' }),
          ...failures(drive),
          ...use(drive),
        },
        notes: [
          `Memory: the straight line of least squares through what the process has of its own (resident, without pages of files) after the first ${100 * settledShare} % of the time.`,
        ],
        settings: service.settings,
      };
    }),
};

/** Growth of the process's own memory once it has settled: by the minute, and over all that time as a share of it. */
export const memoryTrend = (
  { samples }: Pick<Drive, 'samples'>,
  seconds: number,
): { readonly memorySlopeMbPerMinute: number; readonly memoryGrowthShare: number } => {
  const [{ atMs: start } = { atMs: 0 }] = samples;
  const points = samples.flatMap(({ atMs, privateBytes }): [number, number][] => {
    const minutes = (atMs - start) / 60_000;
    return privateBytes === undefined || minutes < (settledShare * seconds) / 60
      ? []
      : [[minutes, privateBytes / 2 ** 20]];
  });
  const slope = regressionSlope(points);
  const mean = points.reduce((total, [, mb]) => total + mb, 0) / points.length;
  const minutes = (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0);
  return { memorySlopeMbPerMinute: round(slope, 2), memoryGrowthShare: round((slope * minutes) / mean, 4) };
};
