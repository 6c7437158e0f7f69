import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Load from a thread of its own. Closed loop: each connection sends its next request when the last is answered. With
 * `perSecond` open: requests are sent at that rate whether or not the ones before are answered.
 */
export interface LoadPlan {
  readonly url: string;
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly perSecond?: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly failures: number;
  /** Sorted. */
  readonly latenciesMs: Float64Array;
}

const { url, bodies, connections, perSecond, warmUpMs, measureMs } = workerData as LoadPlan;
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

/** Timers are a millisecond late; what is later than this was held up by the load and counts from when it was due. */
const timerLatenessMs = 2;

const run = async (): Promise<LoadResult> => {
  const start = performance.now();
  const begin = start + warmUpMs;
  const end = begin + measureMs;
  const latencies: number[] = [];
  let failures = 0;
  let next = 0;
  const one = async (from: number, still: (answered: number) => boolean): Promise<void> => {
    const status = await send(bodies[next++ % bodies.length] ?? '').catch(() => 0);
    const answered = performance.now();
    if (status !== 200) failures++;
    else if (from >= begin && still(answered)) latencies.push(answered - from);
  };
  const connection = async (): Promise<void> => {
    for (let now = performance.now(); now < end; now = performance.now()) await one(now, (answered) => answered <= end);
  };
  const arrivals = async (rate: number): Promise<void> => {
    const sent: Promise<void>[] = [];
    for (let due = start; due < end; due += 1000 / rate) {
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const now = performance.now();
      // All that were sent count, however late they are answered: the slowest must not be left out.
      sent.push(one(now - due > timerLatenessMs ? due : now, () => true));
    }
    await Promise.all(sent);
  };
  await (perSecond === undefined ? Promise.all(Array.from({ length: connections }, connection)) : arrivals(perSecond));
  agent.destroy();
  return { seconds: measureMs / 1000, failures, latenciesMs: Float64Array.from(latencies).sort() };
};

if (parentPort !== null) parentPort.postMessage(await run());
