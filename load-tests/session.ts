import { join } from 'node:path';
import { temporaryFolder } from '../cli/ending.js';
import { commitOf, machineFacts } from './machine.js';
import { judge, timelineOf } from './measure/index.js';
import { prepareModel, putEntities, type Prepared } from './model/index.js';
import type { LoadOptions } from './options.js';
import type { ScenarioResult } from './report/index.js';
import { createLab, Lacking, scenarios, type Finding, type ScenarioName } from './scenarios/index.js';
import { startService } from './service/index.js';
import { thresholds } from './thresholds.js';

/** A prepared model and store that scenarios run on, one after the other. */
export interface Session {
  /** What `all` would need: looked for once, at the first scenario that speaks of it. */
  readonly saturation: () => Promise<number>;
  /** Looks for it again, on a service of its own. */
  readonly measureSaturation: () => Promise<number>;
  readonly run: (name: ScenarioName, command: string) => Promise<ScenarioResult>;
  readonly close: () => Promise<void>;
}

/** Makes the model, puts everybody into a store, and is ready to run scenarios. `saturation` is looked for if left out. */
export const openSession = async (
  options: LoadOptions,
  { say, saturation: known }: { readonly say: (what: string) => void; readonly saturation?: number },
): Promise<Session> => {
  const machine = machineFacts();
  const { path: folder, remove: discard } = await temporaryFolder('watchnext-load-');
  try {
    say('preparing a model and a store');
    const prepared = await prepareModel({ folder, ...options });
    await fillStore({ folder, options, prepared });
    const labWith = (saturation: number) => createLab({ folder, options, prepared, saturation, say });
    let found: Promise<number> | undefined;
    const saturation = (): Promise<number> =>
      (found ??= known === undefined ? findSaturation() : Promise.resolve(known));
    const findSaturation = async (): Promise<number> => {
      say('looking for saturation');
      const lab = labWith(NaN);
      const perSecond = await lab.withService((subject) => subject.saturation(options.quick ? 4 : 8));
      say(`saturation: ${perSecond} requests/s`);
      return perSecond;
    };
    return {
      saturation,
      measureSaturation: findSaturation,
      close: discard,
      run: async (name, command) => {
        const scenario = scenarios[name];
        const needsSaturation = scenario.sharesOfSaturation || (name !== 'smoke' && 'share' in options.rate);
        const perSecond = needsSaturation ? await saturation() : NaN;
        const startedAt = new Date();
        const begin = performance.now();
        const facts = {
          ...{ scenario: name, about: scenario.about, command, startedAt: startedAt.toISOString() },
          ...{ machine, commit: commitOf(options.root), quick: options.quick },
          load: loadFacts(options, perSecond),
        };
        const seconds = (): number => Number(((performance.now() - begin) / 1000).toFixed(1));
        say(`${name}: ${scenario.about}`);
        try {
          const finding: Finding = await scenario.run(labWith(perSecond));
          return { ...facts, ...foundFacts(name, finding), seconds: seconds() };
        } catch (error) {
          if (error instanceof Lacking) return { ...facts, ...nothing, seconds: seconds(), skipped: error.message };
          throw error;
        }
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
};

const nothing = {
  settings: {},
  measures: {},
  verdicts: [],
  phases: [],
  generator: null,
  timeline: [],
  service: [],
  notes: [],
};

/** Settings that name folders of this run alone. */
const temporary = ['models', 'store', 'logDirectory', 'spoolDirectory'];

const loadFacts = (options: LoadOptions, saturation: number): ScenarioResult['load'] => {
  const { seed, candidates, users, items, exponent, arrivals, connections } = options;
  const saturationPerSecond = Number.isNaN(saturation) ? null : saturation;
  return { seed, candidates, users, items, exponent, arrivals, connections, saturationPerSecond };
};

const foundFacts = (name: ScenarioName, { drive, measures, notes = [], settings }: Finding) => {
  const { recording, summaries, samples, lateness } = drive;
  return {
    settings: Object.fromEntries(Object.entries(settings).filter(([setting]) => !temporary.includes(setting))),
    ...{ measures, notes, phases: summaries, generator: lateness },
    verdicts: judge(measures, thresholds[name]),
    timeline: timelineOf(recording),
    service: samples.map(({ atMs, ...sample }) => ({
      second: Number(((atMs - recording.startedAtMs) / 1000).toFixed(1)),
      ...sample,
    })),
    ...(lateness.invalid !== undefined && { invalid: lateness.invalid }),
  };
};

/** A store with everybody in it, which every service gets a copy of. */
export const fillStore = async (parts: {
  readonly folder: string;
  readonly options: LoadOptions;
  readonly prepared: Prepared;
}): Promise<void> => {
  const { folder, options, prepared } = parts;
  const service = await startService({
    root: options.root,
    flags: { models: prepared.models, store: join(folder, 'store'), log: 'off', device: 'cpu', 'log-level': 'info' },
  });
  try {
    await putEntities(service.url, prepared);
  } finally {
    await service.stop();
  }
};
