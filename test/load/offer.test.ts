import { afterEach, describe, expect, test } from '@jest/globals';
import {
  arrivalTimesMs,
  createClient,
  latencyMs,
  offerLoad,
  saturate,
  type Client,
  type Recording,
} from '../../load-tests/generator/index.js';
import { latenessOf } from '../../load-tests/measure/index.js';
import { SeededRandom } from '../../src/random.js';
import { serve, stopServers } from './server.js';

const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stopServers();
});
const clientOf = (url: string, more: { connections?: number; timeoutMs?: number } = {}): Client => {
  const client = createClient({ urls: [url], path: '/v1/rank', connections: 64, timeoutMs: 30_000, ...more });
  clients.push(client);
  return client;
};
const body = [Buffer.from('{}')];
const dueMs = (rate: number, seconds: number): Float64Array =>
  arrivalTimesMs({ phases: [{ name: 'x', seconds, rate }], process: 'uniform', random: new SeededRandom(1) });
const latencies = (recording: Recording): number[] =>
  [...recording.dueMs.keys()].map((request) => latencyMs(recording, request));

/** Answers at once, but nothing at all from 400 ms after its first request on, for 500 ms. */
const stallingServer = async (): Promise<{
  url: string;
  stall: () => { from: number; until: number };
  /** How much it was asked, and how long each waited that it held. */
  seen: { readonly asked: number; readonly heldMs: readonly number[] };
}> => {
  const heldMs: number[] = [];
  const seen = { asked: 0, heldMs };
  let from = 0;
  // Not by the clock: a timer may come before its millisecond, and who is held after it would wait for ever.
  let isOver = false;
  const held: (() => void)[] = [];
  const url = await serve((request, response) => {
    request.resume();
    const now = performance.now();
    if (from === 0) {
      from = now + 400;
      setTimeout(() => {
        isOver = true;
        held.splice(0).forEach((answer) => answer());
      }, 900);
    }
    seen.asked++;
    const answer = (): void => void response.end('{}');
    if (now < from || isOver) answer();
    else
      held.push(() => {
        heldMs.push(performance.now() - now);
        answer();
      });
  });
  return { url, seen, stall: () => ({ from, until: from + 500 }) };
};

describe('a service that stands still for half a second', () => {
  test.each([64, 1])('is charged with it by every request of that time, over %d connections', async (connections) => {
    const { url, stall } = await stallingServer();
    const began = performance.now();
    const recording = await offerLoad({
      client: clientOf(url, { connections }),
      bodies: body,
      dueMs: dueMs(100, 1.5),
      patienceMs: 30_000,
    });
    const start = recording.startedAtMs - performance.timeOrigin;
    expect(start).toBeGreaterThanOrEqual(began);
    const { from, until } = stall();
    let charged = 0;
    recording.dueMs.forEach((due, request) => {
      const at = start + due;
      if (at < from + 5 || at > until - 5) return;
      charged++;
      // Whoever wanted an answer then had it when the service moved again, not before.
      expect(latencyMs(recording, request)).toBeGreaterThan(until - at - 5);
    });
    expect(charged).toBeGreaterThan(40);
    const slow = latencies(recording).filter((ms) => ms > 100).length;
    expect(slow).toBeGreaterThanOrEqual(35);
    expect([...recording.status].every((status) => status === 200)).toBe(true);
  });

  test('shows once in a closed loop, which is why latencies do not come from one', async () => {
    const { url, seen } = await stallingServer();
    const recording = await saturate({ client: clientOf(url), bodies: body, askers: 1, seconds: 1.3 });
    // Counted where it stands still: the machine may do so too, at other moments.
    expect(seen.heldMs).toHaveLength(1);
    expect(Math.max(...latencies(recording))).toBeGreaterThanOrEqual(seen.heldMs[0]!);
    expect(seen.asked).toBeGreaterThan(10);
  });
});

describe('the generator', () => {
  test('sends when requests are due, whatever the answers do', async () => {
    const arrived: number[] = [];
    let open = 0;
    let most = 0;
    const url = await serve((request, response) => {
      request.resume();
      arrived.push(performance.now());
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.end('{}');
      }, 300);
    });
    const recording = await offerLoad({ client: clientOf(url), bodies: body, dueMs: dueMs(50, 1), patienceMs: 30_000 });
    const start = recording.startedAtMs - performance.timeOrigin;
    expect(arrived.length).toBe(recording.dueMs.length);
    const late = arrived.map((at, request) => at - start - recording.dueMs[request]!);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-0.5);
    // Fifteen come while one is answered. Sent one after the other, the median would be late by seven seconds.
    expect(most).toBeGreaterThan(7);
    expect(late.sort((a, b) => a - b)[Math.floor(late.length / 2)]).toBeLessThan(2000);
  });

  test('that was held up itself says so, and the run is invalid', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      request.resume();
      response.end('{}');
      if (++asked !== 30) return;
      const until = performance.now() + 400;
      while (performance.now() < until);
    });
    const recording = await offerLoad({
      client: clientOf(url),
      bodies: body,
      dueMs: dueMs(100, 1),
      patienceMs: 30_000,
    });
    const made: Recording = { ...recording, endedMs: recording.reachedMs.map((reached) => reached + 1) };
    const { lateMs, invalid } = latenessOf(made);
    expect(lateMs.maxMs).toBeGreaterThan(300);
    expect(invalid).toMatch(/generator came .* late to 1 %/);
    // Its lateness is part of what is reported, never left out.
    expect(Math.max(...latencies(made))).toBeGreaterThan(300);
  });

  test('gives up on what is not answered in time, waiting for a connection included', async () => {
    const url = await serve((request) => void request.resume());
    const client = clientOf(url, { connections: 1, timeoutMs: 200 });
    const recording = await offerLoad({ client, bodies: body, dueMs: dueMs(20, 0.3), patienceMs: 1000 });
    expect([...recording.status]).toEqual(Array.from(recording.dueMs, () => -1));
    expect([...recording.endedMs].every(Number.isNaN)).toBe(true);
  });
});

describe('lateness', () => {
  const recordingOf = (lateMs: number, latency: number): Recording => {
    const due = Float64Array.from({ length: 100 }, (_, i) => 10 * i);
    return {
      startedAtMs: 0,
      dueMs: due,
      reachedMs: due.map((ms) => ms + lateMs),
      endedMs: due.map((ms) => ms + latency),
      status: new Int16Array(100).fill(200),
      mark: new Uint8Array(100),
      cpuSeconds: 0.1,
    };
  };
  test.each([
    [1, 8, true],
    [6, 8, false],
    [6, 100, true],
    [30, 100, false],
  ])('of %d ms beside latencies of %d ms is allowed: %s', (late, latency, allowed) => {
    expect(latenessOf(recordingOf(late, latency)).invalid === undefined).toBe(allowed);
  });

  test('comes with the share of a core that the generator took', () => {
    expect(latenessOf(recordingOf(0, 10)).cpuShare).toBeCloseTo(0.1, 3);
  });
});
