import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openGraph } from '../src/inference/index.js';
import { startServer, type RunningServer } from '../src/server.js';
import { readSettings } from '../src/settings.js';
import { silentLogger } from '../src/telemetry/index.js';
import { candidatesPerRequest, drawRequest, makeServingModel, seeded, type ServingModel } from './serving-model.js';
import type { LoadPlan, LoadResult } from './serving-load.js';
import type { BenchTable } from './table.js';

const warmUpMs = 1500;
const measureMs = 4000;
const connections = [1, 2, 4, 16];
type Row = (string | number)[];

/**
 * What one scoring thread answers over HTTP with the kuairand definition (made-up weights and fields), beside the same rows
 * given straight to ONNX Runtime on one thread.
 */
export const runServingBench = async (): Promise<BenchTable> => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-bench-'));
  try {
    const models = join(folder, 'models');
    const model = await makeServingModel('models/kuairand/ranker.yaml', models);
    const { requests, rows, request, candidate } = model.split.inputs;
    const [joined, split] = await measureGraphs(model.joined, model.split);
    const bare = rate(split);
    const table: Row[] = [
      bareRow('bare session.run, request side once per row', joined, bare),
      bareRow('bare session.run, request side once per request', split, bare),
    ];
    const settings = readSettings(
      {},
      { models, store: join(folder, 'store'), logDirectory: join(folder, 'log'), port: 0, device: 'cpu', workers: 1 },
    );
    const server = await startServer(settings, { logger: silentLogger, signals: false });
    try {
      await putAll(server, model);
      for (const [what, body] of Object.entries(bodies(model)))
        for (const count of connections) table.push(await overHttp({ server, what, body, count, bare }));
    } finally {
      await server.close();
    }
    return {
      title: `Serving ${candidatesPerRequest} candidates per request, kuairand definition, one scoring thread`,
      columns: ['what', 'connections', 'candidates/s', 'requests/s', 'p50 ms', 'p99 ms', 'of bare'],
      rows: table,
      notes: [
        `${request.length / requests + candidate.length / rows} inputs, ${request.length / requests} of them on the request side; computing that side once per request is ${(quantile(joined, 0.5) / quantile(split, 0.5)).toFixed(2)} times as fast (medians).`,
        'Closed loop: each connection waits for its answer. Service, scoring thread and load generator share this machine.',
        '"ids" requests name users and items whose fields were put before; "fields" requests carry every field.',
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Sorted times of single runs in milliseconds; the two take turns, so that a busy moment of the machine meets both. */
const measureGraphs = async (
  first: ServingModel['split'],
  second: ServingModel['split'],
): Promise<[Float64Array, Float64Array]> => {
  const sessions = [await openGraph(first.graph, 'cpu'), await openGraph(second.graph, 'cpu')] as const;
  const times: [number[], number[]] = [[], []];
  const timed = async (which: 0 | 1): Promise<number> => {
    const started = performance.now();
    await sessions[which].run(which === 0 ? first.inputs : second.inputs);
    return performance.now() - started;
  };
  const begin = performance.now() + warmUpMs;
  while (performance.now() < begin + 2 * measureMs) {
    const pair = [await timed(0), await timed(1)] as const;
    if (performance.now() < begin) continue;
    times[0].push(pair[0]);
    times[1].push(pair[1]);
  }
  await Promise.all(sessions.map((session) => session.release()));
  return [Float64Array.from(times[0]).sort(), Float64Array.from(times[1]).sort()];
};

const rate = (times: Float64Array): number =>
  (1000 * times.length * candidatesPerRequest) / times.reduce((sum, time) => sum + time, 0);
const quantile = (sorted: Float64Array, share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(2));

const bareRow = (what: string, times: Float64Array, bare: number): Row => [
  what,
  '',
  Math.round(rate(times)),
  Math.round(rate(times) / candidatesPerRequest),
  quantile(times, 0.5),
  quantile(times, 0.99),
  (rate(times) / bare).toFixed(2),
];

const bodies = (model: ServingModel): Record<string, string[]> => {
  const random = seeded(5);
  const requests = Array.from({ length: 64 }, () => drawRequest(model, random));
  const ids = requests.map(({ user, context, candidates }) =>
    JSON.stringify({ user: { id: user.id }, context, candidates: candidates.map((item) => ({ id: item?.id })) }),
  );
  return { 'HTTP, ids': ids, 'HTTP, fields': requests.map((body) => JSON.stringify(body)) };
};

const putAll = async ({ url }: RunningServer, { items, users }: ServingModel): Promise<void> => {
  for (const [path, entities] of Object.entries({ items, users })) {
    const options = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(entities) };
    const { status } = await fetch(`${url}/v1/${path}`, options);
    if (status !== 200) throw new Error(`PUT /v1/${path} answered ${status}`);
  }
};

const overHttp = async (options: {
  readonly server: RunningServer;
  readonly what: string;
  readonly body: readonly string[];
  readonly count: number;
  readonly bare: number;
}): Promise<Row> => {
  const { server, what, body, count, bare } = options;
  const plan: LoadPlan = { url: `${server.url}/v1/rank`, bodies: body, connections: count, warmUpMs, measureMs };
  const { latenciesMs, seconds, failures } = await generate(plan);
  if (failures > 0) throw new Error(`${failures} requests failed under load`);
  const perSecond = latenciesMs.length / seconds;
  const candidates = perSecond * candidatesPerRequest;
  return [
    what,
    count,
    Math.round(candidates),
    Math.round(perSecond),
    quantile(latenciesMs, 0.5),
    quantile(latenciesMs, 0.99),
    (candidates / bare).toFixed(2),
  ];
};

const generate = (plan: LoadPlan): Promise<LoadResult> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./serving-load.js', import.meta.url), { workerData: plan });
    worker.once('message', resolve).once('error', reject);
  });
