import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sealArtifact, type ArtifactFacts, type SealedVersion } from '../../src/artifact/index.js';
import { profileOf } from '../../src/drift/index.js';
import { concatBatches, type FeatureBatch, type RankingInput } from '../../src/features/index.js';
import { verifyAgreement } from './agreement.js';
import { goldenRequests } from './golden.js';
import { encodeTraining } from './resumed.js';
import type { SealableRanker } from './sealable.js';
import { expertUtilisation, goldenWithinReach, isRounded, scoreWithGraph, servingGraph } from './serving.js';
import type { TrainedRanker } from './trained.js';

export interface Report {
  readonly markdown: string;
  readonly plots: ReadonlyMap<string, string>;
}

export interface SealRankerOptions {
  readonly trained: TrainedRanker;
  /** The folder of sealed versions: one folder per ranker, one in it per version. */
  readonly directory: string;
  /** The text of ranker.yaml, kept in the manifest. */
  readonly definitionText: string;
  /** Requests of the log; golden rows are made from them. */
  readonly sample: readonly RankingInput[];
  /** By task, or whatever else was measured; JSON. */
  readonly metrics: Readonly<Record<string, unknown>>;
  /** Makes the files for people from the mean gate weights [tasks][experts] (undefined without gates). */
  readonly report?: (utilisation: number[][] | undefined) => Report;
  /** The commit that is checked out where the program runs, if any, if left out. */
  readonly gitCommit?: string;
  /** Milliseconds since the epoch. */
  readonly nowMs?: number;
}

/** Seals what was trained from a log in files as a version that can be served and learned on. */
export async function sealRanker(options: SealRankerOptions): Promise<SealedVersion> {
  const { trained, sample, nowMs = Date.now(), ...rest } = options;
  const { summary, window } = trained;
  return sealModel({
    ...rest,
    nowMs,
    ranker: trained,
    golden: trained.reader.read(goldenRequests(sample, window.until)),
    state: trained.featureState.snapshot(),
    data: { ...window, rows: summary.rows },
    trainer: { ...summary, epochs: trained.history.epochs },
    recent: trained.recent,
  });
}

export interface SealModelOptions extends Pick<
  SealRankerOptions,
  'directory' | 'definitionText' | 'metrics' | 'report' | 'gitCommit'
> {
  readonly ranker: SealableRanker;
  /** On these rows whoever serves the version must agree with the ranker. */
  readonly golden: FeatureBatch;
  /** Rows that it learned lately: what was usual on them becomes part of the version, and how the gates chose. */
  readonly recent?: FeatureBatch;
  /** A snapshot of the feature state. */
  readonly state: Uint8Array;
  /** Times of the first and last request learned from, and how many rows. */
  readonly data: { readonly from: number; readonly until: number; readonly rows: number };
  /** What else the manifest says of the training; JSON. */
  readonly trainer: Readonly<Record<string, unknown>>;
  /** Where in the event log the feature state stands. */
  readonly stream?: NonNullable<ArtifactFacts['stream']>;
  /** More files that learning goes on from, by name. */
  readonly training?: ReadonlyMap<string, Uint8Array>;
  readonly nowMs: number;
}

/**
 * Seals a ranker as it is now. Before anything is written, the serving graph must give the ranker's own values on the
 * golden rows to 1e-5. One that is rounded must come near those that are not beyond all measure, and its own are what whoever
 * serves it must give.
 */
export async function sealModel(options: SealModelOptions): Promise<SealedVersion> {
  const { ranker, directory, definitionText, metrics, report, recent, data, nowMs } = options;
  const { definition, labelScaling } = ranker;
  const tasks = Object.keys(definition.tasks);
  const held = recent === undefined ? options.golden : goldenWithinReach(ranker, options.golden, recent);
  const sample = (): FeatureBatch => (recent === undefined ? held : concatBatches([held, recent]));
  const graph = await servingGraph(ranker, { sample, metadata: { ranker: definition.name } });
  const trainers = { batch: held, heads: (await ranker.score(held)).heads };
  const score = async (batch: FeatureBatch) => (await scoreWithGraph(ranker, graph, batch)).heads;
  await verifyAgreement({ definition, labelScaling, golden: trainers, score });
  const golden = isRounded(definition) ? { batch: options.golden, heads: await score(options.golden) } : trainers;
  const utilisation = recent === undefined ? undefined : await expertUtilisation(ranker, graph, recent);
  const profile = recent && profileOf({ tasks, batch: recent, heads: (await ranker.score(recent)).heads });
  const gitCommit = options.gitCommit ?? (await checkedOutCommit());
  const { markdown, plots } = report?.(utilisation) ?? {};
  return sealArtifact({
    directory,
    nowMs,
    facts: {
      definition: { text: definitionText, value: definition },
      graph: { opset: graph.opset, inputs: tensors(graph.inputs), outputs: tensors(graph.outputs) },
      data: { from: new Date(data.from).toISOString(), until: new Date(data.until).toISOString(), rows: data.rows },
      seed: ranker.seed,
      metrics,
      trainer: { engine: ranker.engine, ...options.trainer, labelScaling, utilisation },
      ...(profile === undefined ? {} : { profile }),
      ...(options.stream === undefined ? {} : { stream: options.stream }),
      ...(gitCommit === undefined ? {} : { gitCommit }),
    },
    model: {
      graph: graph.bytes,
      parameters: ranker.parameters,
      tables: ranker.tables(),
      state: options.state,
      golden,
      training: new Map([...encodeTraining(await ranker.trainingState()), ...(options.training ?? [])]),
    },
    reports: new Map([...(markdown === undefined ? [] : [['report.md', markdown] as const]), ...(plots ?? [])]),
  });
}

type Spec = Awaited<ReturnType<typeof servingGraph>>['inputs'][number];
const tensors = (specs: readonly Spec[]) => specs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));

async function checkedOutCommit(): Promise<string | undefined> {
  try {
    return (await promisify(execFile)('git', ['rev-parse', 'HEAD'])).stdout.trim();
  } catch {
    // No git, or no repository: the manifest goes without.
    return undefined;
  }
}
