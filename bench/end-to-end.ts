import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { inTemporaryFolder } from '../cli/ending.js';
import { loadRanker, type RankerDefinition } from '../src/definition/index.js';
import { openDataset, simulate } from '../training/dataset/index.js';
import { createOnnxEngine, trainRanker } from '../training/fit/index.js';
import { pythonWith, runPeer, torchPeers, type PeerOptions } from './peers/python.js';
import { median, type BenchTable } from './table.js';

const threads = 2;
const usualRounds = 3;

/** One ranker trained from files, by us and by the peer in turn. */
interface Race {
  readonly name: string;
  readonly file: string;
  readonly data: string;
  readonly until?: number;
  readonly peer: PeerOptions;
}

interface Finish {
  readonly rows: number;
  readonly examples: number;
  readonly seconds: number;
}

/**
 * Files to a trained model, everything counted: reading, joining, features in time order, fitting, every epoch. The peer
 * reads the same files, has the same network and epochs, and no running rates.
 */
export const runEndToEndBench = (options: { peers: boolean; data?: string; rounds?: number }): Promise<BenchTable> => {
  const { peers, data, rounds = usualRounds } = options;
  return inTemporaryFolder('watchnext-bench-', async (folder) => {
    await simulate({ directory: folder, seed: 1, days: 16 });
    const races: Race[] = [await raceOf('demo, lists of 20', 'models/demo/ranker.yaml', { data: folder, set: 'demo' })];
    if (data !== undefined && existsSync(data)) {
      const race = await raceOf('kuairand', 'models/kuairand/ranker.yaml', { data, set: 'kuairand' });
      races.push({ ...race, until: Date.parse('2022-05-01T00:00:00+08:00') });
    }
    const python = peers ? await pythonWith(torchPeers) : { reason: 'not asked for (--peers)' };
    const rows: (string | number)[][] = [];
    for (const race of races) {
      const ours: Finish[] = [];
      const theirs: Finish[] = [];
      for (let round = 0; round < rounds; round++) {
        ours.push(await train(race));
        if ('python' in python) theirs.push(await peer(race, python.python));
      }
      const speed = (finishes: readonly Finish[]): number => median(finishes.map((f) => f.examples / f.seconds));
      const line = (by: string, finishes: readonly Finish[]): (string | number)[] => [
        race.name,
        by,
        finishes[0]?.rows ?? 0,
        Number(median(finishes.map(({ seconds }) => seconds)).toFixed(1)),
        Math.round(speed(finishes)),
        theirs.length === 0 ? '' : `${(speed(finishes) / speed(theirs)).toFixed(2)} x`,
      ];
      rows.push(line('watchnext', ours));
      if (theirs.length > 0) rows.push(line('PyTorch and pandas', theirs));
    }
    return {
      title: 'Files to a trained model',
      columns: ['ranker', 'by', 'rows', 'seconds', 'examples/s', 'against PyTorch'],
      rows,
      notes: [
        `Medians of ${rounds} runs that took turns, ${threads} threads each. The peer has the same network and epochs and neither running rates, counts nor histories of the log.`,
        ...(races.length === 1 ? ['kuairand is left out: name the folder of its files with --data.'] : []),
        ...('reason' in python ? [`PyTorch is not beside it: ${python.reason}.`] : []),
      ],
    };
  });
};

const raceOf = async (name: string, file: string, { data, set }: { data: string; set: string }): Promise<Race> => {
  const { definition } = await loadRanker(file);
  const { experts = 8, expert_layers: layers = [], towers = [] } = definition.network;
  const { epochs = 1, batch = 1024 } = definition.training ?? {};
  const peer = { set, data, epochs, batch, experts, layers, tower: towers[0] ?? 64, threads, ...dimOf(definition) };
  return { name, file, data, peer: set === 'kuairand' ? { ...peer, until: '2022-05-01' } : peer };
};

/** The width of most embeddings. */
const dimOf = ({ features }: RankerDefinition): { readonly dim: number } => {
  const dims = Object.values(features).flatMap((feature) => ('dim' in feature ? [feature.dim] : []));
  return { dim: median(dims) };
};

const train = async ({ file, data, until }: Race): Promise<Finish> => {
  const { definition: whole, sql = '', sqlFile } = await loadRanker(file);
  // Every row is learned, in every epoch: the peer holds nothing out.
  const training = { ...whole.training };
  delete training.validation;
  delete training.patience;
  const definition = { ...whole, training };
  const start = performance.now();
  const dataset = await openDataset({ definition, sql, sqlFile, directory: data });
  try {
    const engine = (options: Parameters<typeof createOnnxEngine>[0]) => createOnnxEngine({ threads, ...options });
    const trained = await trainRanker({ definition, dataset, engine, ...(until === undefined ? {} : { until }) });
    const seconds = (performance.now() - start) / 1000;
    const { rows, examples } = trained.summary;
    await trained.close();
    return { rows, examples, seconds };
  } finally {
    await dataset.close();
  }
};

const peer = async ({ peer: options }: Race, python: string): Promise<Finish> => {
  const { rows, seconds, examplesPerSecond } = (await runPeer(python, 'pytorch_end_to_end.py', options)) as {
    rows: number;
    seconds: number;
    examplesPerSecond: number;
  };
  return { rows, seconds, examples: examplesPerSecond * seconds };
};
