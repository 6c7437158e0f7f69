import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sealArtifact, verifyGolden, type Golden, type SealedVersion } from '../../src/artifact/index.js';
import type { RankingInput } from '../../src/features/index.js';
import { goldenRequests } from './golden.js';
import { expertUtilisation, scoreWithGraph, servingGraph } from './serving.js';
import type { TrainedRanker } from './trained.js';

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
  readonly report?: (utilisation: number[][] | undefined) => {
    readonly markdown: string;
    readonly plots: ReadonlyMap<string, string>;
  };
  /** The commit that is checked out where the program runs, if any, if left out. */
  readonly gitCommit?: string;
  /** Milliseconds since the epoch. */
  readonly nowMs?: number;
}

/**
 * Seals what was trained as a version that can be served. Before anything is written, the serving graph must give the
 * trainer's own values on the golden rows to 1e-5.
 */
export async function sealRanker(options: SealRankerOptions): Promise<SealedVersion> {
  const { trained, directory, definitionText, sample, metrics, report, nowMs = Date.now() } = options;
  const { definition, summary, labelScaling, window } = trained;
  const graph = await servingGraph(trained, { ranker: definition.name });
  const golden = await goldenRows(trained, sample);
  await verifyGolden({
    golden,
    tasks: Object.keys(definition.tasks),
    score: (batch) => scoreWithGraph(trained, graph, batch),
  });
  const utilisation = await expertUtilisation(trained, graph);
  const gitCommit = options.gitCommit ?? (await checkedOutCommit());
  const { markdown, plots } = report?.(utilisation) ?? {};
  return sealArtifact({
    directory,
    nowMs,
    facts: {
      definition: { text: definitionText, value: definition },
      graph: { opset: graph.opset, inputs: tensors(graph.inputs), outputs: tensors(graph.outputs) },
      data: {
        from: new Date(window.from).toISOString(),
        until: new Date(window.until).toISOString(),
        rows: summary.rows,
      },
      seed: trained.seed,
      metrics,
      trainer: { engine: trained.engine, ...summary, epochs: trained.history.epochs, labelScaling, utilisation },
      ...(gitCommit === undefined ? {} : { gitCommit }),
    },
    model: {
      graph: graph.bytes,
      parameters: trained.parameters,
      tables: trained.tables(),
      state: trained.featureState.snapshot(),
      golden,
    },
    reports: new Map([...(markdown === undefined ? [] : [['report.md', markdown] as const]), ...(plots ?? [])]),
  });
}

async function goldenRows(trained: TrainedRanker, sample: readonly RankingInput[]): Promise<Golden> {
  const batch = trained.reader.read(goldenRequests(sample, trained.window.until));
  return { batch, heads: (await trained.score(batch)).heads };
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
