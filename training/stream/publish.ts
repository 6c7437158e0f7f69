import {
  referenceName,
  type Artifacts,
  type ChainEnd,
  type LoadedArtifact,
  type ModelDelta,
  type SealedVersion,
} from '../../src/artifact/index.js';
import type { TableChanges } from '../../src/embeddings/index.js';
import { concatBatches, type FeatureBatch } from '../../src/features/index.js';
import {
  goldenWithinReach,
  isRounded,
  openServedModel,
  sealModel,
  servingGraph,
  type ResumedRanker,
  type SealModelOptions,
} from '../fit/index.js';
import { judge } from './gate.js';
import type { LearnedPart } from './learned-part.js';
import type { GateDecision } from './types.js';
import type { Windows } from './windows.js';

/** What became of a candidate. */
export type Publication =
  | { readonly kind: 'published'; readonly version: string }
  /** The gate said no; the active version goes on. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The service was made to go back, or another version was activated: updates of this one would not be served. */
  | { readonly kind: 'paused'; readonly reason: string };

export interface PublisherOptions {
  readonly artifacts: Artifacts;
  /** The folder of the artifacts. */
  readonly directory: string;
  readonly ranker: ResumedRanker;
  readonly windows: Windows;
  /** The sealed version that updates begin at. */
  readonly base: LoadedArtifact;
  /** How far the base was followed up when the learner stood where it stands; nothing was if left out. */
  readonly published?: ChainEnd;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Brings what is learned to those who serve: through the gate, as an update of the sealed version or as a new one. Learning
 * must rest meanwhile; its weights stay as they are.
 */
export interface Publisher {
  readonly base: string;
  readonly published: ChainEnd;
  /** An update with everything that changed since the last one. */
  update(learned: LearnedPart): Promise<Publication>;
  /** A new version; to be activated by `activate`, when a checkpoint says that updates begin at it now. */
  seal(parts: SealParts): Promise<Publication>;
  activate(): Promise<void>;
}

export type SealParts = Pick<
  SealModelOptions,
  'state' | 'data' | 'trainer' | 'metrics' | 'stream' | 'training' | 'recent'
>;

export async function createPublisher(options: PublisherOptions): Promise<Publisher> {
  const publisher = new RegistryPublisher(options);
  await publisher.attach(options.published);
  return publisher;
}

/** Newest rows that the rounding of an update is made to suit, beside the golden ones. */
const roundedFor = 500;

class RegistryPublisher implements Publisher {
  readonly #options: PublisherOptions;
  readonly #name: string;
  #base: LoadedArtifact;
  /** The base with what was published of it: what serves, as far as this knows. */
  #served: Pick<LoadedArtifact, 'graph' | 'tables' | 'chain'>;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#name = options.ranker.definition.name;
    this.#base = options.base;
    this.#served = options.base;
  }

  get base(): string {
    return this.#base.manifest.version;
  }

  get published(): ChainEnd {
    return this.#served.chain;
  }

  /**
   * Counts as changed what was published after the place at which the learner stands: it may have been learned differently
   * then, or not yet here.
   */
  async attach(published: ChainEnd | undefined): Promise<void> {
    const { artifacts, ranker } = this.#options;
    // A version just opened is what its base serves; a checkpoint knows what was not published yet.
    if (published === undefined) for (const table of ranker.learningTables().values()) table.takeChanges();
    let end = published ?? this.#base.chain;
    for (const sequence of await artifacts.deltas(this.#name, this.base)) {
      if (sequence <= end.sequence) continue;
      const { delta, hash } = await artifacts.nextDelta(this.#name, this.base, end);
      this.#mark(delta.tables);
      end = { sequence, hash };
    }
    const reference = referenceName({ version: this.base, sequence: end.sequence });
    this.#served = await artifacts.load(this.#name, reference);
  }

  async update({ until, rows, feedbackTimes }: LearnedPart): Promise<Publication> {
    const { artifacts, now } = this.#options;
    const held = await this.#held();
    if (held !== undefined) return { kind: 'paused', reason: held };
    const { sequence, hash } = this.published;
    const version = referenceName({ version: this.base, sequence: sequence + 1 });
    const tables = this.#take();
    try {
      const { decision, graph, golden } = await this.#judge(version, tables);
      if (!decision.accepted) {
        this.#mark(tables);
        return await this.#refused(version, decision);
      }
      const delta: ModelDelta = {
        ranker: this.#name,
        base: this.base,
        sequence: sequence + 1,
        previous: hash,
        createdMs: now(),
        graph,
        tables,
        golden,
        learned: { until, rows, feedbackTimes },
      };
      await artifacts.publishDelta(delta);
      for (const [name, changes] of tables) this.#served.tables.get(name)?.apply(changes);
      const chain = await artifacts.endOfChain(this.#name, this.base);
      this.#served = { graph, tables: this.#served.tables, chain };
      return { kind: 'published', version };
    } catch (error) {
      this.#mark(tables);
      throw error;
    }
  }

  async seal(parts: SealParts): Promise<Publication> {
    const { artifacts, directory, ranker, now } = this.#options;
    const tables = this.#take();
    let sealed: SealedVersion;
    try {
      const { decision } = await this.#judge('the version to be sealed', tables, parts.recent);
      if (!decision.accepted) {
        this.#mark(tables);
        return await this.#refused(`sealing at ${new Date(now()).toISOString()}`, decision);
      }
      sealed = await sealModel({
        ...parts,
        ranker,
        directory,
        definitionText: this.#base.manifest.definition.text,
        golden: this.#base.golden.batch,
        nowMs: now(),
      });
    } catch (error) {
      this.#mark(tables);
      throw error;
    }
    this.#base = await artifacts.load(this.#name, sealed.version);
    this.#served = this.#base;
    return { kind: 'published', version: sealed.version };
  }

  activate(): Promise<void> {
    return this.#options.artifacts.activate(this.#name, this.base);
  }

  /** Why updates would not be served, if so. */
  async #held(): Promise<string | undefined> {
    const known = await this.#options.artifacts.list();
    const { active, through } = known.find(({ ranker }) => ranker === this.#name) ?? {};
    if (active !== this.base) return `${active ?? 'nothing'} is active, not ${this.base}`;
    return through === undefined ? undefined : `updates of ${this.base} after ${through} were withdrawn`;
  }

  /** Rounded to suit these rows beside the golden ones, the newest few if left out. */
  async #judge(version: string, tables: ReadonlyMap<string, TableChanges>, rows?: FeatureBatch) {
    const { ranker, windows } = this.#options;
    const { definition, parameters } = ranker;
    const { batch } = this.#base.golden;
    const newest = rows ?? windows.newest(roundedFor).batch;
    const held = goldenWithinReach(ranker, batch, newest);
    const sample = (): FeatureBatch => (newest.requests === 0 ? held : concatBatches([held, newest]));
    const { bytes: graph } = await servingGraph(ranker, { sample, metadata: { ranker: definition.name } });
    const golden = { batch: held, heads: (await ranker.score(held)).heads };
    const candidate = await openServedModel({ definition, graph, parameters, tables: ranker.tables() });
    const active = await openServedModel({ definition, parameters, ...this.#served });
    try {
      const dense = await ranker.denseState();
      const decision = await judge({
        definition,
        windows,
        golden,
        candidate: {
          version,
          labelScaling: ranker.labelScaling,
          score: (batch) => candidate.score(batch),
          weights: [...dense, ...[...tables].map(([name, { values }]) => [`tables/${name}`, values] as const)],
        },
        active: {
          version: referenceName({ version: this.base, sequence: this.published.sequence }),
          score: (batch) => active.score(batch),
        },
        now: () => performance.now(),
      });
      const heads = isRounded(definition) ? await candidate.score(batch) : golden.heads;
      return { decision, graph, golden: { batch, heads } };
    } finally {
      await candidate.close();
      await active.close();
    }
  }

  #take(): ReadonlyMap<string, TableChanges> {
    return new Map([...this.#options.ranker.learningTables()].map(([name, table]) => [name, table.takeChanges()]));
  }

  #mark(tables: ReadonlyMap<string, TableChanges>): void {
    for (const [name, { keys, removed }] of tables) {
      const table = this.#options.ranker.learningTables().get(name);
      table?.markChanged(keys);
      table?.markChanged(removed);
    }
  }

  async #refused(candidate: string, { checks }: GateDecision): Promise<Publication> {
    const reason = checks
      .filter(({ passed }) => !passed)
      .map(({ name, message }) => `${name}: ${message}`)
      .join('; ');
    await this.#options.artifacts.refuse({ ranker: this.#name, candidate, reason });
    return { kind: 'refused', reason };
  }
}
