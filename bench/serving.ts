import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { inTemporaryFolder } from '../cli/ending.js';
import { openGraph } from '../src/inference/index.js';
import { bodiesOf, candidatesPerRequest, makeServingModel, type ServingModel } from './serving-model.js';
import type { LoadPlan, LoadResult } from './serving-load.js';
import { startSystems, type System } from './serving-systems.js';
import type { BenchTable } from './table.js';

const bareMs = 4000;
const warmUpMs = 600;
const measureMs = 2000;
const connections = [1, 2, 8, 32];
const halfLoadMs = 5000;
const bodiesPerForm = 64;
type Row = (string | number)[];

interface Measured {
  readonly system: System;
  readonly count: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/**
 * What is answered over HTTP with the kuairand definition (made-up weights and fields), beside the same rows given straight
 * to ONNX Runtime on one thread, and if asked for beside Python services of the same model. Everything takes turns.
 */
export const runServingBench = ({ peers }: { readonly peers: boolean }): Promise<readonly BenchTable[]> =>
  inTemporaryFolder('watchnext-bench-', async (folder) => {
    const models = { float32: join(folder, 'models'), int8: join(folder, 'models-int8') };
    const model = await makeServingModel('models/kuairand/ranker.yaml', models);
    const graphs = await measureGraphs([model.joined, model.split, model.rounded]);
    const systems = await startSystems({ model, folder, models, peers });
    try {
      const bodies = {
        ids: bodiesOf(model, { form: 'ids', count: bodiesPerForm }),
        fields: bodiesOf(model, { form: 'fields', count: bodiesPerForm }),
      };
      const plan = (system: System): Omit<LoadPlan, 'connections' | 'warmUpMs' | 'measureMs'> => ({
        url: `${system.url}/v1/rank`,
        bodies: bodies[system.form],
      });
      const measured: Measured[] = [];
      for (const count of connections)
        for (const system of systems.list) {
          const result = await generate({ ...plan(system), connections: count, warmUpMs, measureMs });
          measured.push({ system, count, ...summary(system, result) });
        }
      const half: Measured[] = [];
      for (const system of systems.list.filter(({ isOurs }) => isOurs)) {
        const most = Math.max(...measured.filter((each) => each.system === system).map(({ perSecond }) => perSecond));
        const open = { ...plan(system), connections: 256, perSecond: most / 2, warmUpMs, measureMs: halfLoadMs };
        half.push({ system, count: 0, ...summary(system, await generate(open)) });
      }
      return [
        closedTable({ model, graphs, measured }),
        halfTable(half),
        ...(peers ? [peerTable(measured, systems.reason)] : []),
      ];
    } finally {
      await systems.stop();
    }
  });

const summary = ({ name }: System, { latenciesMs, seconds, failures }: LoadResult) => {
  if (failures > 0) throw new Error(`${failures} requests failed under load (${name})`);
  return {
    perSecond: latenciesMs.length / seconds,
    p50: quantile(latenciesMs, 0.5),
    p99: quantile(latenciesMs, 0.99),
  };
};

/** Sorted times of single runs in milliseconds, by graph. */
type Graphs = readonly [joined: Float64Array, split: Float64Array, rounded: Float64Array];

const closedTable = (options: {
  readonly model: ServingModel;
  readonly graphs: Graphs;
  readonly measured: readonly Measured[];
}): BenchTable => {
  const { model, graphs, measured } = options;
  const [joined, split, rounded] = graphs;
  const { requests, rows, request, candidate } = model.split.inputs;
  const bare = { float32: rate(split), int8: rate(rounded) };
  const bareRow = (what: string, times: Float64Array): Row => {
    const perSecond = rate(times) / candidatesPerRequest;
    const figures = [Math.round(rate(times)), Math.round(perSecond), quantile(times, 0.5), quantile(times, 0.99)];
    return [what, '', ...figures, (rate(times) / bare.float32).toFixed(2)];
  };
  return {
    title: `Serving ${candidatesPerRequest} candidates per request, kuairand definition`,
    columns: ['what', 'connections', 'candidates/s', 'requests/s', 'p50 ms', 'p99 ms', 'of bare'],
    rows: [
      bareRow('bare session.run, request side once per row', joined),
      bareRow('bare session.run, request side once per request', split),
      bareRow('the same in int8', rounded),
      ...measured.map(({ system, count, perSecond, p50, p99 }): Row => {
        const candidates = perSecond * candidatesPerRequest;
        const share = (candidates / bare[system.precision] / system.cores).toFixed(2);
        const what = `${system.name}, ${system.form}`;
        return [what, count, Math.round(candidates), Math.round(perSecond), p50, p99, share];
      }),
    ],
    notes: [
      `${request.length / requests + candidate.length / rows} inputs, ${request.length / requests} of them on the request side; computing that side once per request is ${(quantile(joined, 0.5) / quantile(split, 0.5)).toFixed(2)} times as fast (medians).`,
      '"of bare" is candidates/s over those of the second row (in int8 of the third), for each scoring thread. Closed loop: each connection waits for its answer. What is measured and the load generator share this machine. The service is set to refuse nobody.',
      '"ids" requests name users and items whose fields were put before; "fields" requests carry every field. All candidates are answered, and the service logs them with their fields.',
    ],
  };
};

const halfTable = (half: readonly Measured[]): BenchTable => ({
  title: `Half of saturation: requests come at half the highest rate above, whether or not they are answered`,
  columns: ['what', 'requests/s', 'p50 ms', 'p99 ms'],
  rows: half.map(({ system, perSecond, p50, p99 }) => [
    `${system.name}, ${system.form}`,
    Math.round(perSecond),
    p50,
    p99,
  ]),
  notes: [],
});

/** Ours against theirs on as many cores, by connections. */
const peerTable = (measured: readonly Measured[], reason: string | undefined): BenchTable => {
  const pairs = measured.flatMap((theirs) => {
    const { isOurs, form, cores, precision } = theirs.system;
    const isAlike = ({ system, count }: Measured): boolean =>
      system.isOurs &&
      system.form === form &&
      system.cores === cores &&
      system.precision === precision &&
      count === theirs.count;
    return isOurs ? [] : measured.filter(isAlike).map((ours) => ({ ours, theirs }));
  });
  return {
    title: 'The service over its peers',
    columns: ['peer', 'against', 'connections', 'requests/s, times as many', 'p99, times as long'],
    rows: pairs.map(({ ours, theirs }) => [
      `${theirs.system.name}, ${theirs.system.form}`,
      ours.system.name,
      theirs.count,
      (ours.perSecond / theirs.perSecond).toFixed(2),
      (ours.p99 / theirs.p99).toFixed(2),
    ]),
    notes:
      reason === undefined
        ? [
            'Peers: uvicorn with uvloop and httptools, numpy, the same ONNX Runtime with one thread per process, the same graph unless said otherwise, answers equal to ours. They keep no state, log nothing and take the running rates as constants.',
          ]
        : [`No peers beside it: ${reason}.`],
  };
};

type Graph = ServingModel['split'];

/** They take turns, so that a busy moment of the machine meets all. */
const measureGraphs = async (graphs: readonly [Graph, Graph, Graph]): Promise<Graphs> => {
  const open = async ({ graph, inputs }: Graph) => ({ inputs, session: await openGraph(graph, 'cpu') });
  const opened = [await open(graphs[0]), await open(graphs[1]), await open(graphs[2])] as const;
  const times = opened.map((): number[] => []);
  const begin = performance.now() + warmUpMs;
  while (performance.now() < begin + opened.length * bareMs) {
    for (const [which, { session, inputs }] of opened.entries()) {
      const started = performance.now();
      await session.run(inputs);
      if (started >= begin) times[which]?.push(performance.now() - started);
    }
  }
  await Promise.all(opened.map(({ session }) => session.release()));
  const sorted = (which: 0 | 1 | 2): Float64Array => Float64Array.from(times[which] ?? []).sort();
  return [sorted(0), sorted(1), sorted(2)];
};

const rate = (times: Float64Array): number =>
  (1000 * times.length * candidatesPerRequest) / times.reduce((sum, time) => sum + time, 0);
const quantile = (sorted: Float64Array, share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(2));

const generate = (plan: LoadPlan): Promise<LoadResult> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./serving-load.js', import.meta.url), { workerData: plan });
    worker.once('message', resolve).once('error', reject);
  });
