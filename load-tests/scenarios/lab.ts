import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  generate,
  outcomeOf,
  startGenerator,
  type Audience,
  type Phase,
  type Plan,
  type Recording,
} from '../generator/index.js';
import { latenessOf, summarisePhases, type Lateness, type PhaseSummary } from '../measure/index.js';
import type { Prepared } from '../model/index.js';
import type { LoadOptions } from '../options.js';
import { startService, watchService, type Scrape, type ServiceProcess, type ServiceSample } from '../service/index.js';

/** What was offered to a service and what came of it. */
export interface Drive {
  readonly phases: readonly Phase[];
  readonly recording: Recording;
  readonly summaries: readonly PhaseSummary[];
  readonly lateness: Lateness;
  readonly samples: readonly ServiceSample[];
  /** Of the service after the last answer. */
  readonly scrape: Scrape;
  readonly phase: (name: string) => PhaseSummary;
}

/** Something that is done to the service while it is under load. */
export interface Deed {
  /** From the start of the load. */
  readonly atMs: number;
  readonly run: () => Promise<unknown>;
}

export interface DriveOptions {
  readonly phases: readonly Phase[];
  readonly deeds?: readonly Deed[];
  readonly audience?: Partial<Audience>;
}

/** A service under test. */
export interface Subject {
  readonly service: ServiceProcess;
  /** Its own copy: what is published and activated there ends with it. */
  readonly models: string;
  readonly drive: (options: DriveOptions) => Promise<Drive>;
  /** Requests a second that it answers as asked at most. */
  readonly saturation: (seconds: number) => Promise<number>;
}

/** What scenarios work with: a prepared model, a store that knows everybody, and services started on both. */
export interface Lab {
  readonly options: LoadOptions;
  readonly prepared: Prepared;
  /** Known before the scenario begins; NaN where it needs none. */
  readonly saturation: number;
  /** The rate that the steady parts hold, in requests a second. */
  readonly heldRate: number;
  /** Of the scenario's main part: its own, or the one that was asked for. */
  readonly seconds: (full: number, quick: number) => number;
  /** Starts a service, works with it, stops it. Rejects if it did not end well. */
  readonly withService: <T>(work: (subject: Subject) => Promise<T>, options?: ServiceOptions) => Promise<T>;
  readonly say: (what: string) => void;
}

export interface ServiceOptions {
  readonly flags?: Readonly<Record<string, string>>;
  /** A store that nobody was put into yet; the prepared one if left out. */
  readonly emptyStore?: boolean;
  /** Tells apart services that run at the same time. */
  readonly name?: string;
}

export interface LabOptions {
  readonly folder: string;
  readonly options: LoadOptions;
  readonly prepared: Prepared;
  readonly saturation: number;
  readonly say: (what: string) => void;
}

const answerTimeoutMs = 10_000;
/** Callers of a closed loop: enough that the service never waits for one. */
const askers = 16;
const saturationWarmUpSeconds = 3;

export const createLab = ({ folder, options, prepared, saturation, say }: LabOptions): Lab => {
  const heldRate = 'share' in options.rate ? options.rate.share * saturation : options.rate.perSecond;
  return {
    ...{ options, prepared, saturation, heldRate, say },
    seconds: (full, quick) => options.seconds ?? (options.quick ? quick : full),
    withService: async (work, { flags = {}, emptyStore = false, name = 'service' } = {}) => {
      const own = join(folder, name);
      await rm(own, { recursive: true, force: true });
      const models = join(own, 'models');
      await cp(prepared.models, models, { recursive: true });
      if (!emptyStore) await cp(join(folder, 'store'), join(own, 'store'), { recursive: true });
      const service = await startService({
        root: options.root,
        flags: {
          models,
          store: join(own, 'store'),
          'log-directory': join(own, 'log'),
          'spool-directory': join(own, 'spool'),
          'log-retention-bytes': 2 ** 30,
          'max-candidates': Math.max(1000, options.candidates),
          device: 'cpu',
          ...options.settings,
          ...flags,
        },
      });
      let code: number | null;
      let result;
      try {
        result = await work(createSubject(service, { options, prepared, models }));
      } finally {
        code = await service.stop();
        await rm(own, { recursive: true, force: true });
      }
      if (code !== 0) throw new Error(`the service ended with code ${code}`);
      return result;
    },
  };
};

const createSubject = (
  service: ServiceProcess,
  {
    options,
    prepared,
    models,
  }: { readonly options: LoadOptions; readonly prepared: Prepared; readonly models: string },
): Subject => {
  const planOf = (load: Plan['load'], audience: Partial<Audience> = {}): Plan =>
    planFor(options, prepared, { load, audience });
  return {
    service,
    models,
    saturation: async (seconds) => {
      const load = { kind: 'closed', seconds: saturationWarmUpSeconds + seconds, askers } as const;
      return answeredPerSecond(await generate(planOf(load), [service.url]), saturationWarmUpSeconds, seconds);
    },
    drive: async ({ phases, deeds = [], audience }) => {
      const generator = await startGenerator(planOf({ kind: 'open', phases, arrivals: options.arrivals }, audience));
      const watch = watchService(service);
      const cancel = new AbortController();
      const doing = doInTime(deeds, cancel.signal);
      try {
        const [recording] = await Promise.all([generator.run([service.url]), doing]);
        const scrape = await watch.scrape();
        return driveOf({ phases, recording, samples: watch.samples, scrape });
      } finally {
        cancel.abort();
        generator.stop();
        await watch.stop();
        await doing.catch(() => undefined);
      }
    },
  };
};

/** The plan of the generator that these options ask for. */
export const planFor = (
  options: LoadOptions,
  { contexts, ranker }: Pick<Prepared, 'contexts' | 'ranker'>,
  { load, audience }: { readonly load: Plan['load']; readonly audience: Partial<Audience> },
): Plan => {
  const { users, items, candidates, exponent, seed, connections } = options;
  return {
    load,
    audience: { users, items, candidates, exponent, contexts, ranker, ...audience },
    ...{ seed, connections, timeoutMs: answerTimeoutMs },
  };
};

export const driveOf = (parts: Pick<Drive, 'phases' | 'recording' | 'samples' | 'scrape'>): Drive => {
  const summaries = summarisePhases(parts.recording, parts.phases);
  const phase = (name: string): PhaseSummary => {
    const found = summaries.find((summary) => summary.name === name);
    if (found === undefined) throw new Error(`there is no phase ${name}`);
    return found;
  };
  return { ...parts, summaries, lateness: latenessOf(parts.recording), phase };
};

/** Answers as asked that came in this stretch of a closed loop. */
export const answeredPerSecond = (recording: Recording, fromSeconds: number, seconds: number): number => {
  let count = 0;
  recording.endedMs.forEach((ended, request) => {
    const within = ended >= 1000 * fromSeconds && ended < 1000 * (fromSeconds + seconds);
    if (within && outcomeOf(recording, request) === 'ok') count++;
  });
  return Number((count / seconds).toFixed(1));
};

/** One after the other; one that is late goes at once. */
const doInTime = async (deeds: readonly Deed[], signal: AbortSignal): Promise<void> => {
  const start = performance.now();
  for (const { atMs, run } of deeds) {
    const leftMs = atMs - (performance.now() - start);
    if (leftMs > 0) await setTimeout(leftMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await run();
  }
};
