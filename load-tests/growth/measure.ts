import { join } from 'node:path';
import { inTemporaryFolder } from '../../cli/ending.js';
import { round } from '../measure/index.js';
import { createStandInLearner, prepareModel } from '../model/index.js';
import type { LoadOptions } from '../options.js';
import { createLab, type Lab, type Subject } from '../scenarios/index.js';
import { fillStore } from '../session.js';
import { processUse, scrapeUntil, sumOf, type Scrape } from '../service/index.js';
import { measurePoint, type Point } from './point.js';
import { networks, withNetwork } from './sizes.js';

/** One table: how the cost grows with one thing, all else as usual. */
export interface GrowthTable {
  readonly of: 'candidates' | 'parameters' | 'items' | 'replicas';
  readonly rows: readonly (Point & { readonly size: number; readonly rssMb: number } & Partial<GrowthExtras>)[];
}

type Say = (what: string) => void;

interface GrowthExtras {
  readonly readyMs: number;
  /** With an update applied: a second copy of the tables. */
  readonly rssUpdatedMb: number;
}

const candidateCounts = [50, 100, 200, 500, 1000, 2000];
const itemCounts = [10_000, 100_000, 1_000_000, 5_000_000];
const replicaCounts = [1, 2, 3];
/** Items that are put and asked for, however many have rows. */
const knownItems = 10_000;

/** What can grow. */
export const growthNames: readonly GrowthTable['of'][] = ['candidates', 'parameters', 'items', 'replicas'];

/** One table for each of `names`, in the order of {@link growthNames}. */
export const measureGrowth = async (
  options: LoadOptions,
  { names = growthNames, say }: { readonly names?: readonly GrowthTable['of'][]; readonly say: Say },
): Promise<readonly GrowthTable[]> => {
  const usual = { ...options, items: knownItems };
  const tables = {
    candidates: () => inLab(usual, say, candidatesTable),
    parameters: () => parametersTable(usual, say),
    items: () => itemsTable(usual, say),
    replicas: () => inLab(usual, say, replicasTable),
  };
  const found: GrowthTable[] = [];
  for (const name of growthNames) if (names.includes(name)) found.push(await tables[name]());
  return found;
};

/** A lab of its own, with a model made for it. */
const inLab = <T>(
  options: LoadOptions & { readonly itemStride?: number },
  say: Say,
  work: (lab: Lab) => Promise<T>,
): Promise<T> =>
  inTemporaryFolder('watchnext-growth-', async (folder) => {
    const prepared = await prepareModel({ folder, ...options });
    await fillStore({ folder, options, prepared });
    return work(createLab({ folder, options, prepared, saturation: NaN, say }));
  });

const rssMb = ({ service }: Subject): number => round((processUse(service.pid)?.rssBytes ?? NaN) / 2 ** 20, 0);

const candidatesTable = async (lab: Lab): Promise<GrowthTable> => ({
  of: 'candidates',
  rows: await lab.withService(
    async (subject) => {
      const rows: GrowthTable['rows'][number][] = [];
      for (const candidates of candidateCounts) {
        lab.say(`growth: ${candidates} candidates`);
        const point = await measurePoint(lab, { urls: [subject.service.url], audience: { candidates } });
        rows.push({ size: candidates, ...point, rssMb: rssMb(subject) });
      }
      return rows;
    },
    { flags: { 'max-candidates': String(Math.max(...candidateCounts)) } },
  ),
});

const parametersTable = (options: LoadOptions, say: Say): Promise<GrowthTable> =>
  inTemporaryFolder('watchnext-networks-', async (folder) => {
    const rows: GrowthTable['rows'][number][] = [];
    for (const [at, network] of networks.entries()) {
      const { file, parameters } = await withNetwork(options.definition, network, join(folder, String(at)));
      say(`growth: ${parameters.toLocaleString('en-US')} parameters`);
      const row = await inLab({ ...options, definition: file }, say, (lab) =>
        lab.withService(async (subject) => {
          const point = await measurePoint(lab, { urls: [subject.service.url] });
          return { size: parameters, ...point, rssMb: rssMb(subject), readyMs: subject.service.readyAfterMs };
        }),
      );
      rows.push(row);
    }
    return { of: 'parameters', rows };
  });

const itemsTable = async (options: LoadOptions, say: Say): Promise<GrowthTable> => {
  const rows: GrowthTable['rows'][number][] = [];
  for (const items of itemCounts) {
    say(`growth: ${items.toLocaleString('en-US')} items`);
    const itemStride = items / knownItems;
    const row = await inLab({ ...options, itemStride }, say, (lab) =>
      lab.withService(async (subject) => {
        const point = await measurePoint(lab, { urls: [subject.service.url], audience: { itemStride } });
        const before = rssMb(subject);
        await applyUpdate(lab, subject);
        return {
          ...{ size: items, ...point, rssMb: before, readyMs: subject.service.readyAfterMs },
          rssUpdatedMb: rssMb(subject),
        };
      }),
    );
    rows.push(row);
  }
  return { of: 'items', rows };
};

const updatePatienceMs = 60_000;

/** Publishes an update and waits until it serves. */
const applyUpdate = async (lab: Lab, { models, service }: Subject): Promise<void> => {
  const learner = await createStandInLearner({ models, ranker: lab.prepared.ranker, seed: lab.options.seed });
  await learner.publish();
  const isApplied = (scrape: Scrape): boolean => sumOf(scrape, 'watchnext_deltas_total', { outcome: 'applied' }) > 0;
  const last = await scrapeUntil(service.url, isApplied, { timeoutMs: updatePatienceMs, everyMs: 200 });
  if (!isApplied(last)) throw new Error('an update was not applied');
};

const replicasTable = async (lab: Lab): Promise<GrowthTable> => {
  const rows: GrowthTable['rows'][number][] = [];
  /** Starts one after the other, each inside the one before, so that all are stopped whatever happens. */
  const withReplicas = (count: number, subjects: readonly Subject[]): Promise<GrowthTable['rows'][number]> =>
    subjects.length < count
      ? lab.withService((subject) => withReplicas(count, [...subjects, subject]), {
          name: `replica-${subjects.length}`,
        })
      : measurePoint(lab, { urls: subjects.map(({ service }) => service.url) }).then((point) => ({
          ...{ size: count, ...point },
          rssMb: subjects.reduce((sum, subject) => sum + rssMb(subject), 0),
        }));
  for (const count of replicaCounts) {
    lab.say(`growth: ${count} ${count === 1 ? 'replica' : 'replicas'}`);
    rows.push(await withReplicas(count, []));
  }
  return { of: 'replicas', rows };
};
