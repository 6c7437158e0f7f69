import {
  parseVersionReference,
  referenceName,
  sealedVersion,
  type Artifacts,
  type RankerVersions,
} from '../../src/artifact/index.js';
import { fingerprint, streamSettings, type RankerDefinition } from '../../src/definition/index.js';
import { openServedModel, type ServedModel } from '../fit/index.js';
import { aucFindings, calibrationFindings, pairsOf } from './gate-heads.js';
import { briefMeasures } from './measures-text.js';
import { measureHeads } from './measures.js';
import type { JudgedRows } from './types.js';
import type { Windows } from './windows.js';

/** The service was made to go back. */
export interface Retreat {
  /** What served: a version, or one with updates ("v+17"). */
  readonly from: string;
  /** The sealed version that serves again. */
  readonly to: string;
  /** For people: what was measured. */
  readonly reason: string;
}

/**
 * Watches what serves. A gate sees a candidate before it serves; here what was really answered is held against what the
 * version before would have said of the same rows, and the service goes back where that is better beyond the limits of
 * `stream.gate`, on as many rows as the gate wants.
 */
export interface Watch {
  /** For now and then: it costs scoring `stream.gate.rows` rows. Each version is gone back from once. */
  check(windows: Pick<Windows, 'newest'>): Promise<Retreat | undefined>;
  close(): Promise<void>;
}

export interface WatchOptions {
  readonly definition: RankerDefinition;
  readonly artifacts: Pick<Artifacts, 'list' | 'load' | 'deltas' | 'rollback' | 'withdraw' | 'refuse'>;
}

/** Rows to look at, what else could have served them, and how to go back to that. */
interface Comparison {
  /** Names it. */
  readonly from: string;
  readonly served: (version: string) => boolean;
  readonly before: string;
  readonly retreat: (reason: string) => Promise<string>;
}

export const createWatch = ({ definition, artifacts }: WatchOptions): Watch => {
  const ranker = definition.name;
  const limits = streamSettings(definition).gate;
  /** What was gone back from, or to: not judged again. */
  const settled = new Set<string>();
  let opened: { readonly version: string; readonly model: ServedModel | undefined } | undefined;

  const close = async (): Promise<void> => {
    const last = opened;
    opened = undefined;
    await last?.model?.close();
  };

  /** Undefined for a version of another definition: it cannot be asked about these rows. */
  const open = async (version: string): Promise<ServedModel | undefined> => {
    if (opened?.version === version) return opened.model;
    await close();
    const artifact = await artifacts.load(ranker, version);
    const alike = artifact.manifest.fingerprint === fingerprint(definition);
    opened = { version, model: alike ? await openServedModel(artifact) : undefined };
    return opened.model;
  };

  /** The active version's updates against the version as it was sealed. */
  const ofUpdates = (active: string): Comparison => ({
    from: `${active}+`,
    served: (version) => updatesIn(active, version) > 0,
    before: active,
    retreat: async (reason) => {
      await artifacts.withdraw(ranker, 0, reason);
      return active;
    },
  });

  /** The active version, with the updates that may serve, against the one before with all of its own. */
  const ofVersion = async (
    { through = Infinity, refused = [] }: RankerVersions,
    { active, before }: { readonly active: string; readonly before: string },
  ): Promise<Comparison> => {
    const bad = refused.map(({ candidate }) => updatesIn(before, candidate)).filter((sequence) => sequence > 0);
    const good = (await artifacts.deltas(ranker, before)).filter((sequence) => sequence < Math.min(...bad));
    return {
      from: active,
      served: (version) => updatesIn(active, version) >= 0 && updatesIn(active, version) <= through,
      before: referenceName({ version: before, sequence: good.at(-1) ?? 0 }),
      retreat: async (reason) => {
        await artifacts.refuse({ ranker, candidate: active, reason });
        const to = await artifacts.rollback(ranker);
        settled.add(to);
        return to;
      },
    };
  };

  const comparisons = async (): Promise<Comparison[]> => {
    const known = (await artifacts.list()).find((one) => one.ranker === ranker);
    if (known?.active === undefined) return [];
    const { active, previous, versions } = known;
    const before = previous.find((version) => versions.some((one) => one.version === version));
    return [ofUpdates(active), ...(before === undefined ? [] : [await ofVersion(known, { active, before })])].filter(
      ({ from }) => !settled.has(from),
    );
  };

  /** What is worse about what was served, for people; undefined where nothing is. */
  const fault = (rows: JudgedRows, before: Float32Array): string | undefined => {
    const pairs = pairsOf(definition, { labels: rows.labels, candidate: rows.served, reference: before });
    const findings = [...aucFindings(pairs, limits.aucDrop), ...calibrationFindings(pairs, limits.calibration)];
    const worse = findings.filter(({ refused }) => refused).map(({ text }) => text);
    return worse.length === 0 ? undefined : worse.join('; ');
  };

  return {
    async check(windows) {
      for (const { from, served, before, retreat } of await comparisons()) {
        const rows = windows.newest(limits.rows, served);
        if (rows.batch.rows < limits.rows) continue;
        const model = await open(before);
        if (model === undefined) continue;
        const worse = fault(rows, await model.score(rows.batch));
        if (worse === undefined) continue;
        settled.add(from);
        const last = rows.versions.at(-1) ?? from;
        const learner = briefMeasures(measureHeads(definition, { labels: rows.labels, heads: rows.predicted }));
        const reason = `${rows.batch.rows} rows that ${last} served, against ${before} on the same: ${worse} (the learner there: ${learner})`;
        return { from: last, to: await retreat(reason), reason };
      }
      return undefined;
    },
    close,
  };
};

/** How many of a sealed version's updates a version has: 0 for the sealed one itself, -1 for another family. */
const updatesIn = (sealed: string, version: string): number => {
  if (sealedVersion(version) !== sealed) return -1;
  return parseVersionReference(version).sequence;
};
