import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { createTurns, type Turn, type Turns, type TurnsOptions } from '../../src/http/turns.js';
import { createMetrics, type Metrics } from '../../src/telemetry/index.js';
import { SeededRandom } from '../../training/fit/random.js';

interface World {
  readonly turns: Turns;
  readonly metrics: Metrics;
  readonly clock: { ms: number };
  /** The next round of the event loop: at most one more turn begins. */
  readonly round: () => Promise<void>;
  readonly take: (more?: { deadline?: number; signal?: AbortSignal }) => Asked;
}

interface Asked {
  turn: Turn | undefined;
  error: { readonly code?: string; readonly reason?: string; readonly retryAfterMs?: number } | undefined;
}

const world = (options: Partial<TurnsOptions> = {}): World => {
  const clock = { ms: 0 };
  const metrics = createMetrics();
  const soon: (() => void)[] = [];
  const turns = createTurns({
    ...{ queueMs: 10, overload: 'refuse', workers: 1, metrics },
    ...{ now: () => clock.ms, soon: (call) => void soon.push(call) },
    ...options,
  });
  return {
    turns,
    metrics,
    clock,
    round: async () => {
      for (const call of soon.splice(0)) call();
      await Promise.resolve();
    },
    take: ({ deadline = Infinity, signal = new AbortController().signal } = {}) => {
      const asked: Asked = { turn: undefined, error: undefined };
      turns.take({ bytes: 20_000, deadline, signal }).then(
        (turn) => (asked.turn = turn),
        (error: unknown) => (asked.error = error as Asked['error']),
      );
      return asked;
    },
  };
};

const begun = (asked: readonly Asked[]): number => asked.filter(({ turn }) => turn !== undefined).length;

/** Takes turns one after the other, each of which takes so long, with more than one waiting. */
const learnPace = async ({ take, round, clock }: World, ms: number): Promise<void> => {
  const asked = Array.from({ length: 8 }, () => take());
  for (const each of asked) {
    await round();
    clock.ms += ms;
    each.turn?.end();
  }
};

describe('turns', () => {
  test('come in the order of asking, one per round of the event loop, as many as keep the thread busy', async () => {
    const { take, round } = world();
    const asked = Array.from({ length: 3 }, () => take());
    for (let rounds = 0; rounds < 3; rounds++) {
      expect(begun(asked)).toBe(rounds);
      await round();
      expect(asked[rounds]!.turn).toEqual({ overloaded: false, end: expect.any(Function) });
    }
  });

  test('wait where more are under way than the thread can use, and go on when one ends', async () => {
    const everything = world();
    await learnPace(everything, 5);
    const asked = Array.from({ length: 5 }, () => everything.take());
    for (let rounds = 0; rounds < 5; rounds++) await everything.round();
    expect(begun(asked)).toBe(4);
    asked[0]!.turn!.end();
    asked[0]!.turn!.end();
    await everything.round();
    expect(begun(asked)).toBe(5);
  });

  test('of who hangs up are nobody’s: the next one has it, and it is counted', async () => {
    const { take, round, metrics } = world();
    const client = new AbortController();
    const [gone, next] = [take({ signal: client.signal }), take()];
    client.abort();
    await round();
    expect(gone.error?.reason).toBe('cancelled');
    expect(next.turn).toBeDefined();
    const late = take({ signal: client.signal });
    await round();
    expect(late.error?.reason).toBe('cancelled');
    expect(await metrics.scrape()).toContain('watchnext_sheds_total{reason="cancelled"} 1');
  });

  test('are not watched for who hangs up once they have come', async () => {
    const { take, round } = world();
    const { signal } = new AbortController();
    const asked = take({ signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await round();
    expect(asked.turn).toBeDefined();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('that could not end before the deadline are refused when they are asked for', async () => {
    const everything = world();
    await learnPace(everything, 5);
    for (let ahead = 0; ahead < 10; ahead++) everything.take();
    const [tight, loose] = [20, 500].map((ms) => everything.take({ deadline: everything.clock.ms + ms }));
    await everything.round();
    expect(tight!.error).toMatchObject({ code: 'overloaded', retryAfterMs: 1000 });
    expect(loose!.error).toBeUndefined();
  });

  test('are predicted for a metric', async () => {
    const everything = world();
    await learnPace(everything, 5);
    for (let ahead = 0; ahead < 10; ahead++) everything.take();
    const text = await everything.metrics.scrape();
    const seconds = Number(/^watchnext_predicted_wait_seconds (\S+)/m.exec(text)![1]);
    expect(seconds).toBeCloseTo(0.05, 2);
  });
});

/**
 * A process as a queue: arrivals at random (Poisson), each of which costs the event loop 0.06 ms to take and 1 ms to read,
 * the thread 1.6 ms to score, and the event loop 0.4 ms to answer. It can answer 625 a second. Refusing costs 0.03 ms, and ten
 * times that once the request was taken. All but taking and refusing is `slower` times that on a slower machine.
 */
const simulate = async (options: {
  readonly share: number;
  readonly seconds?: number;
  readonly overload?: 'refuse' | 'fallback';
  readonly slower?: number;
  /** Milliseconds at which the process stands still. */
  readonly pauses?: readonly number[];
  readonly pauseMs?: number;
}) => {
  const { share, seconds = 4, overload = 'refuse', slower = 1, pauses = [], pauseMs = 60 } = options;
  const { turns, clock, round } = world({ overload });
  const random = new SeededRandom(7);
  const events: { at: number; call: () => void }[] = [];
  const at = (ms: number, call: () => void): void => {
    const index = events.findLastIndex((event) => event.at <= ms);
    events.splice(index + 1, 0, { at: ms, call });
  };
  const latencies: number[] = [];
  const counts = { asked: 0, refused: 0, refusedLate: 0, fallback: 0 };
  let threadFree = 0;
  const arrive = (due: number): void => {
    const isCounted = due >= 1000;
    if (isCounted) counts.asked++;
    if (turns.isFull) {
      turns.refuse();
      clock.ms += 0.03;
      if (isCounted) counts.refused++;
      return;
    }
    const refusedLate = (): void => {
      clock.ms += 0.3;
      if (!isCounted) return;
      counts.refused++;
      counts.refusedLate++;
    };
    clock.ms += 0.06;
    const { signal } = new AbortController();
    turns.take({ bytes: 20_000, deadline: due + 1000, signal }).then((turn) => {
      if (turn.overloaded) {
        clock.ms += 0.35 * slower;
        if (isCounted) counts.fallback++;
        turn.end();
        return;
      }
      clock.ms += 1 * slower;
      threadFree = Math.max(threadFree, clock.ms) + 1.6 * slower;
      at(threadFree, () => {
        clock.ms += 0.4 * slower;
        if (isCounted) latencies.push(clock.ms - due);
        turn.end();
      });
    }, refusedLate);
  };
  for (let due = 0; due < 1000 * (1 + seconds);) {
    due += (-Math.log(1 - random.below(1e9) / 1e9) * 1000 * slower) / (share * 625);
    const now = due;
    at(now, () => arrive(now));
  }
  for (const ms of pauses) at(ms, () => (clock.ms += pauseMs));
  while (events.length > 0) {
    clock.ms = Math.max(clock.ms, events[0]!.at);
    while (events.length > 0 && events[0]!.at <= clock.ms) {
      events.shift()!.call();
      await Promise.resolve();
    }
    for (let rounds = 0; rounds < 3; rounds++) await Promise.resolve();
    await round();
    for (let rounds = 0; rounds < 3; rounds++) await Promise.resolve();
    // Rounds go on while somebody waits, also when nothing happens outside.
    if (events.length > 0 && events[0]!.at > clock.ms) await round();
  }
  latencies.sort((a, b) => a - b);
  return {
    p99Ms: latencies[Math.floor(0.99 * latencies.length)]!,
    perSecond: latencies.length / seconds,
    slowestMs: latencies.at(-1)!,
    refusedShare: counts.refused / counts.asked,
    refusedLateShare: counts.refusedLate / counts.asked,
    fallbackShare: counts.fallback / counts.asked,
  };
};

describe('under load', () => {
  test('nobody is turned away at three quarters of what can be answered, nor after pauses at half', async () => {
    expect((await simulate({ share: 0.75 })).refusedShare).toBe(0);
    const paused = await simulate({ share: 0.5, pauses: [1500, 2500, 3500] });
    expect(paused.refusedShare).toBe(0);
  });

  test('after pauses at three quarters what they left behind is worked off, though that takes long', async () => {
    const pauses = Array.from({ length: 20 }, (_, index) => 1500 + 1000 * index);
    const paused = await simulate({ share: 0.75, slower: 4, seconds: 22, pauses, pauseMs: 100 });
    expect(paused.refusedShare).toBeLessThan(0.001);
  });

  test('three times what can be answered: as many are answered, and those within twice the time of half load', async () => {
    const [half, triple] = [await simulate({ share: 0.5 }), await simulate({ share: 3 })];
    expect(triple.perSecond).toBeGreaterThan(0.95 * 625);
    expect(triple.p99Ms).toBeLessThan(2 * half.p99Ms);
    expect(triple.refusedShare).toBeCloseTo(2 / 3, 1);
  });

  test('a ranking that alone takes longer than the longest wait is no reason to refuse, before or at its turn', async () => {
    const slower = 8;
    const [most, half, triple] = [
      await simulate({ slower, seconds: 30, share: 0.75 }),
      await simulate({ slower, seconds: 10, share: 0.5 }),
      await simulate({ slower, seconds: 10, share: 3 }),
    ];
    expect(most.refusedShare).toBeLessThan(0.001);
    expect(triple.perSecond).toBeGreaterThan((0.95 * 625) / slower);
    expect(triple.p99Ms).toBeLessThan(2 * half.p99Ms);
    expect(triple.refusedLateShare).toBeLessThan(0.02);
  });

  test('who came while the process stood still is not taken because nobody was turned away meanwhile', async () => {
    const calm = await simulate({ share: 3, slower: 4 });
    const paused = await simulate({ share: 3, slower: 4, pauses: [2000, 3000, 4000], pauseMs: 300 });
    expect(paused.slowestMs).toBeLessThan(300 + 2 * calm.slowestMs);
    expect(paused.refusedLateShare).toBeLessThan(0.05);
  });

  test('with the fallback order instead of refusals, most are still scored, and some of the rest are answered', async () => {
    const triple = await simulate({ share: 3, overload: 'fallback' });
    expect(triple.perSecond).toBeGreaterThan(0.7 * 625);
    expect(triple.fallbackShare).toBeGreaterThan(0.05);
    expect(triple.fallbackShare + triple.refusedShare).toBeLessThan(0.78);
  });
});
