import { latencyMs, outcomeOf, startGenerator, type Recording } from '../generator/index.js';
import { median, quantile, round, sortedValues } from '../measure/index.js';
import { watchService } from '../service/index.js';
import { failures } from './measures.js';
import { driveOf, planFor, type Drive, type Lab, type Subject } from './lab.js';
import type { Scenario } from './types.js';

const rounds = 3;
const firstAnswers = 100;

export const coldStart: Scenario = {
  about: `from the start of the process to ready and to the first ${firstAnswers} answers under half load, ${rounds} times`,
  takesSeconds: [40, 28],
  sharesOfSaturation: false,
  run: async (lab) => {
    const starts: Start[] = [];
    for (let round = 0; round < rounds; round++) starts.push(await startOnce(lab));
    const of = (measure: (start: Start) => number): number => round(median(starts.map(measure)));
    const last = starts.at(-1);
    if (last === undefined) throw new Error('nothing was started');
    return {
      drive: last.drive,
      measures: {
        listeningMs: of(({ listeningMs }) => listeningMs),
        readyMs: of(({ readyMs }) => readyMs),
        firstAnswersMs: of(({ firstAnswersMs }) => firstAnswersMs),
        firstP50Ms: of(({ first }) => quantile(first, 0.5)),
        firstP99Ms: of(({ first }) => quantile(first, 0.99)),
        warmP50Ms: of(({ drive }) => drive.phase('warm').latency.p50Ms),
        warmP99Ms: of(({ drive }) => drive.phase('warm').latency.p99Ms),
        failed: starts.reduce((sum, { drive }) => sum + failures(drive).failed, 0),
      },
      notes: [
        `Medians of ${rounds} starts; the pictures show the last. At this rate ${firstAnswers} requests are due in ${round(firstAnswers / lab.heldRate, 1)} s.`,
      ],
      settings: last.settings,
    };
  },
};

interface Start {
  readonly drive: Drive;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly listeningMs: number;
  readonly readyMs: number;
  /** From the start of the process. */
  readonly firstAnswersMs: number;
  /** Latencies of the first requests, sorted. */
  readonly first: Float64Array;
}

const startOnce = async (lab: Lab): Promise<Start> => {
  const { options, prepared, heldRate: rate } = lab;
  const phases = [
    { name: 'cold', seconds: Math.max(3, (1.2 * firstAnswers) / rate), rate },
    { name: 'warm', seconds: lab.seconds(6, 3), rate },
  ];
  // Made before the service starts: it meets its first request when it is ready, not when a generator is.
  const load = { kind: 'open', phases, arrivals: options.arrivals } as const;
  const generator = await startGenerator(planFor(options, prepared, { load, audience: {} }));
  try {
    return await lab.withService(async ({ service }: Subject) => {
      const watch = watchService(service);
      const recording = await generator.run([service.url]);
      const scrape = await watch.scrape();
      await watch.stop();
      const { settings, listeningAfterMs: listeningMs, readyAfterMs: readyMs, startedAtMs } = service;
      const drive = driveOf({ phases, recording, samples: watch.samples, scrape });
      return {
        ...{ drive, settings, listeningMs, readyMs },
        firstAnswersMs: recording.startedAtMs + endOfFirst(recording) - startedAtMs,
        first: sortedValues(
          Array.from({ length: firstAnswers }, (_, request) =>
            outcomeOf(recording, request) === 'ok' ? latencyMs(recording, request) : NaN,
          ),
        ),
      };
    });
  } finally {
    generator.stop();
  }
};

/** When so many requests had been answered as asked. */
const endOfFirst = (recording: Recording): number =>
  sortedValues(recording.endedMs.filter((_, request) => outcomeOf(recording, request) === 'ok'))[firstAnswers - 1] ??
  NaN;
