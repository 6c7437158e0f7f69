import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/** A closed loop in a thread of its own: each connection sends its next request when the last is answered. */
export interface LoadPlan {
  readonly url: string;
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly failures: number;
  /** Sorted. */
  readonly latenciesMs: Float64Array;
}

const { url, bodies, connections, warmUpMs, measureMs } = workerData as LoadPlan;
const agent = new Agent({ keepAlive: true, maxSockets: connections });

const send = (body: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/json' } };
    request(url, options, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode ?? 0);
      });
    })
      .on('error', reject)
      .end(body);
  });

const run = async (): Promise<LoadResult> => {
  const begin = performance.now() + warmUpMs;
  const end = begin + measureMs;
  const latencies: number[] = [];
  let failures = 0;
  let next = 0;
  const connection = async (): Promise<void> => {
    for (let started = performance.now(); started < end; started = performance.now()) {
      const status = await send(bodies[next++ % bodies.length] ?? '').catch(() => 0);
      const answered = performance.now();
      if (status !== 200) failures++;
      else if (started >= begin && answered <= end) latencies.push(answered - started);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  agent.destroy();
  return { seconds: measureMs / 1000, failures, latenciesMs: Float64Array.from(latencies).sort() };
};

if (parentPort !== null) parentPort.postMessage(await run());
