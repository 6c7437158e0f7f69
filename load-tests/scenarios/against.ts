import { latenciesOf, median, quantile, round, sortedValues } from '../measure/index.js';
import { failures, use, warmUpPhase } from './measures.js';
import type { Deed, Drive, Lab, Subject } from './lab.js';
import type { Finding } from './types.js';

/** Stretches of time with something going on, and as many without, in turn. */
const pairs = 3;

/**
 * The 99th percentile while something is done to the service again and again, against that of the stretches between, at the same
 * load on the same process.
 */
export const withAndWithout = async (
  lab: Lab,
  subject: Subject,
  options: { readonly everySeconds: number; readonly run: () => Promise<unknown> },
): Promise<Finding & { readonly drive: Drive }> => {
  const { everySeconds, run } = options;
  const rate = lab.heldRate;
  const seconds = Math.max(everySeconds, lab.seconds(120, 36) / (2 * pairs));
  const warm = warmUpPhase(lab);
  const stretch = (kind: string) =>
    Array.from({ length: pairs }, (_, pair) => ({ name: `${kind} ${pair + 1}`, seconds, rate }));
  const [without, withIt] = [stretch('without'), stretch('with')];
  const phases = [warm, ...without.flatMap((phase, pair) => [phase, ...withIt.slice(pair, pair + 1)])];
  const times = Math.floor(seconds / everySeconds);
  // What happens for the first time (a second copy of the tables, code that was never run) is no part of the comparison.
  const first: Deed = { atMs: 1000 * (warm.seconds / 2), run };
  const deeds = withIt.flatMap((_, pair) =>
    Array.from({ length: times }, (_, time): Deed => {
      const begins = warm.seconds + (2 * pair + 1) * seconds;
      return { atMs: 1000 * (begins + everySeconds * time + 0.25), run };
    }),
  );
  const drive = await subject.drive({ phases, deeds: [first, ...deeds] });
  const p99 = (names: readonly { readonly name: string }[]): number =>
    quantile(sortedValues(names.flatMap(({ name }) => latenciesOf(drive.recording, phases, { name }))), 0.99);
  const ratios = withIt.map((phase, pair) => p99([phase]) / p99(without.slice(pair, pair + 1)));
  return {
    drive,
    measures: {
      p99WithMs: round(p99(withIt)),
      p99WithoutMs: round(p99(without)),
      p99Ratio: round(p99(withIt) / p99(without)),
      p99RatioMedianOfPairs: round(median(ratios)),
      p99RatioLeast: round(Math.min(...ratios)),
      p99RatioMost: round(Math.max(...ratios)),
      ...failures(drive),
      ...use(drive),
    },
    notes: [
      `${pairs} stretches of ${round(seconds, 1)} s with and ${pairs} without, in turn, at the same load on the same process.`,
    ],
    settings: subject.service.settings,
  };
};
