import { beforeEach, describe, expect, test } from '@jest/globals';
import { fingerprint, type LabelDefinition, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { encodeEvent, type Feedback, type LoggedEvent } from '../../src/events/index.js';
import { decodeFeatureBatch, type Outcome } from '../../src/features/index.js';
import {
  createJoiner,
  restoreJoiner,
  type JoinCounters,
  type JoinedExample,
  type Joiner,
  type Refused,
} from '../../src/join/index.js';
import { bytesOf, heard, minuteMs, ranker, shown, start } from './world.js';

const day = 86_400_000;

/** A joiner that is fed events in their own order of time, and what it has handed out. */
class Bench {
  readonly definition: RankerDefinition;
  joiner: Joiner;
  readonly outcomes: Outcome[] = [];
  readonly examples: JoinedExample[] = [];
  readonly refused: Refused[] = [];
  #offset = 0;

  constructor(definition: RankerDefinition, examples = true) {
    this.definition = definition;
    this.joiner = createJoiner(definition, { examples });
  }

  take(event: LoggedEvent, time = event.time): this {
    const offset = this.#offset++;
    this.joiner.take({ time, partition: 0, offset, from: offset, event, value: encodeEvent(event) });
    return this;
  }

  until(time: number): this {
    const { outcomes, examples, refused } = this.joiner.advance(time);
    this.outcomes.push(...outcomes);
    this.examples.push(...examples);
    this.refused.push(...refused);
    return this;
  }

  /** The counters that are not zero, of those that are not about what was read or made. */
  get odd(): Partial<JoinCounters> {
    const { impressions, feedback, outcomes, examples, ...odd } = this.joiner.counters;
    expect([impressions, feedback, outcomes, examples].every((count) => count >= 0)).toBe(true);
    return Object.fromEntries(Object.entries(odd).filter(([, count]) => count !== 0));
  }

  /** Labels of an example by row: [click, watch]. */
  labels(index: number): number[][] {
    const { labels } = this.examples[index]!;
    return Array.from({ length: labels.length / 2 }, (_, row) => [...labels.subarray(2 * row, 2 * row + 2)]);
  }
}

const bench = (labels: Readonly<Record<string, LabelDefinition>> = {}): Bench => new Bench(ranker(labels));
const later = (ms: number, what: string, rest: Partial<Feedback> = {}): Feedback =>
  heard({ what, time: start + ms, ...rest });
const nothing = [0, Number.NaN];

describe('an impression', () => {
  test('is one example with all rows when its longest wait is over, not a millisecond earlier', () => {
    const it = bench({ click: { wait: '1m' }, watch: { wait: '5m' } });
    it.take(shown({ of: it.definition })).until(start + 5 * minuteMs);
    expect(it.examples).toEqual([]);
    it.until(start + 5 * minuteMs + 1);
    expect(it.examples).toHaveLength(1);
    expect(it.examples[0]).toMatchObject({
      partition: 0,
      sequence: 0,
      time: start,
      matured: start + 5 * minuteMs,
      requestId: 'r1',
      ranker: 'films',
      version: 'v1',
      arms: { layout: 'wide' },
      positions: Int32Array.of(1, 2, 3),
      served: Float32Array.of(0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8),
      feedbackTimes: new Float64Array(0),
    });
    expect(it.labels(0)).toEqual([nothing, nothing, nothing]);
    expect(decodeFeatureBatch(it.examples[0]!.features).rows).toBe(3);
  });

  test('takes feedback up to the wait of its task, and not after', () => {
    const it = bench({ click: { wait: '1m' }, watch: { wait: '5m' } });
    it.take(shown({ of: it.definition }));
    it.take(later(minuteMs, 'click', { itemId: 'a' })).take(later(minuteMs + 1, 'click', { itemId: 'b' }));
    it.take(later(5 * minuteMs, 'watch', { itemId: 'a', value: 7 })).until(start + day);
    expect(it.labels(0)).toEqual([[1, 7], nothing, nothing]);
    expect(it.odd).toEqual({ lateFeedback: 1 });
    expect([...it.examples[0]!.feedbackTimes]).toEqual([start + minuteMs, start + 5 * minuteMs]);
  });

  test('that comes late waits from when it came, while feedback counts from when it was shown', () => {
    const it = bench();
    it.take(shown({ of: it.definition }), start + minuteMs);
    it.take(later(10 * minuteMs, 'click'), start + 10.5 * minuteMs).until(start + 11 * minuteMs);
    expect(it.examples).toEqual([]);
    it.until(start + 11 * minuteMs + 1);
    expect(it.labels(0)[0]).toEqual([1, Number.NaN]);
    expect(it.examples[0]).toMatchObject({ time: start, matured: start + 11 * minuteMs });
  });

  test('that comes twice counts once', () => {
    const it = bench();
    it.take(shown({ of: it.definition })).take(shown({ of: it.definition, time: start + 5 }));
    it.until(start + day);
    expect(it.examples).toHaveLength(1);
    expect(it.outcomes).toHaveLength(3);
    expect(it.odd).toEqual({ duplicateImpressions: 1 });
  });

  test.each([
    ['another ranker', { ranker: 'songs' }],
    ['another definition of it', { fingerprint: 'other' }],
  ])('of %s gives outcomes but no examples', (_, other) => {
    const it = bench();
    it.take(shown({ of: it.definition, ...other }))
      .take(later(5, 'click'))
      .until(start + day);
    expect(it.examples).toEqual([]);
    expect(it.outcomes).toHaveLength(4);
    expect(it.odd).toEqual({ foreignImpressions: 1 });
  });

  test('of a ranker that is learned from, too, is an example that says who served it, also after a restart', () => {
    const definition = ranker({ watch: { late: 'supplement' } }, { stream: { rankers: ['others'] } });
    const other = shown({ of: definition, ranker: 'others', fingerprint: 'theirs', requestId: 'r2' });
    const unknown = shown({ of: definition, ranker: 'third', fingerprint: 'theirs', requestId: 'r3' });
    const whole = new Bench(definition)
      .take(shown({ of: definition }))
      .take(other)
      .take(unknown);
    const restarted = new Bench(definition)
      .take(shown({ of: definition }))
      .take(other)
      .take(unknown)
      .until(start + 1);
    restarted.joiner = restoreJoiner(definition, { examples: true }, restarted.joiner.snapshot());
    for (const it of [whole, restarted]) {
      const requests = ['r1', 'r2', 'r3'];
      for (const requestId of requests) it.take(later(1000, 'click', { requestId, eventId: `${requestId}/c` }));
      for (const requestId of requests)
        it.take(later(11 * minuteMs, 'watch', { requestId, value: 7, eventId: `${requestId}/w` }));
      it.until(start + day);
      expect(it.odd).toMatchObject({ foreignImpressions: 1 });
      const named = it.examples.map((example) => [example.requestId, example.ranker, example.fingerprint]);
      const [own, theirs] = [
        ['r1', 'films', fingerprint(definition)],
        ['r2', 'others', 'theirs'],
      ];
      expect(named).toEqual([own, theirs, own, theirs]);
    }
    expect(restarted.examples).toEqual(whole.examples);
  });

  test('gives served values in the order of the definition’s tasks, NaN where a task was not served', () => {
    const it = bench();
    it.take(shown({ of: it.definition, rows: 1, tasks: ['other', 'click'], heads: Float32Array.of(0.9, 0.2) }));
    it.until(start + day);
    expect(it.examples[0]!.served).toEqual(Float32Array.of(0.2, Number.NaN));
  });

  test('with a part that cannot be read is refused with the reason, and its feedback waits in vain', () => {
    const it = bench();
    const broken = shown({ of: it.definition });
    const unreadable = new WatchnextError('event_invalid', 'its items are cut short');
    Object.defineProperty(broken, 'items', {
      get: () => {
        throw unreadable;
      },
    });
    const value = new Uint8Array(0);
    it.joiner.take({ time: start, partition: 0, offset: 9, from: 9, event: broken, value });
    it.take(later(1, 'click'))
      .take(shown({ of: it.definition, requestId: 'r2' }))
      .until(start + day);
    expect(it.refused.map(({ reason }) => reason)).toEqual([
      'its items are cut short',
      expect.stringContaining('no impression of request r1'),
    ]);
    expect(it.examples.map(({ requestId }) => requestId)).toEqual(['r2']);
    expect(it.odd).toEqual({ unreadableEvents: 1, orphanedFeedback: 1 });
  });
});

describe('labels', () => {
  test('of regressions take the last value, the largest or the sum', () => {
    for (const [take, label] of [
      ['last', 2],
      ['largest', 9],
      ['sum', 15],
    ] as const) {
      const it = bench({ watch: { take } });
      it.take(shown({ of: it.definition, rows: 1 })).take(later(1, 'click'));
      for (const [i, value] of [4, 9, 2].entries()) it.take(later(10 + i, 'watch', { value }));
      it.until(start + day);
      expect(it.labels(0)).toEqual([[1, label]]);
    }
  });

  test('that await another are unknown until that one is positive, whichever came first', () => {
    const it = bench();
    it.take(shown({ of: it.definition, rows: 2 }));
    it.take(later(1, 'watch', { value: 4, itemId: 'a' })).take(later(2, 'watch', { value: 5, itemId: 'b' }));
    it.take(later(3, 'click', { itemId: 'b' })).until(start + day);
    expect(it.labels(0)).toEqual([nothing, [1, 5]]);
  });

  test('can be made of several kinds of feedback, and one kind can make several labels', () => {
    const it = bench({ click: { on: ['click', 'watch'] } });
    it.take(shown({ of: it.definition, rows: 2 })).take(later(1, 'watch', { value: 3 }));
    it.take(later(2, 'click', { itemId: 'b' })).until(start + day);
    expect(it.labels(0)).toEqual([
      [1, 3],
      [1, Number.NaN],
    ]);
  });

  test.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, 1e300])('of regressions ignore the value %p', (value) => {
    const it = bench();
    it.take(shown({ of: it.definition, rows: 1 })).take(later(1, 'click'));
    it.take(later(2, 'watch', { value })).until(start + day);
    expect(it.labels(0)).toEqual([[1, Number.NaN]]);
    expect(it.odd).toEqual({ valuelessFeedback: 1 });
  });

  test('under a logarithm ignore negative values', () => {
    const base = ranker();
    const tasks = { ...base.tasks, watch: { ...base.tasks['watch']!, transform: 'log1p' as const } };
    const it = new Bench({ ...base, tasks });
    it.take(shown({ of: it.definition, rows: 1 }))
      .take(later(1, 'watch', { value: -1 }))
      .until(start + day);
    expect(it.odd).toEqual({ valuelessFeedback: 1 });
  });
});

describe('outcomes', () => {
  test('say each row at once, then what feedback corrects, with what was said before', () => {
    const it = bench();
    it.take(shown({ of: it.definition, rows: 2 }))
      .take(later(5, 'watch', { value: 8 }))
      .take(later(7, 'click'));
    it.until(start + 8);
    const of = (row: string) => ({ user: { user_id: 'u1' }, context: {}, candidate: { item_id: row } });
    const first = { click: 0, watch: Number.NaN };
    expect(it.outcomes).toEqual([
      { time: start, ...of('a'), labels: first },
      { time: start, ...of('b'), labels: first },
      // The watch alone changes nothing that counts: it awaits the click.
      { time: start + 7, ...of('a'), labels: { click: 1, watch: 8 }, before: first, since: start },
    ]);
  });

  test('are the same without examples, and then nothing is kept to learn from', () => {
    const [whole, light] = [bench(), new Bench(ranker(), false)];
    for (const it of [whole, light]) {
      it.take(shown({ of: it.definition }))
        .take(heard({ what: 'click', eventId: 'same' }))
        .until(start + day);
    }
    expect(light.outcomes).toEqual(whole.outcomes);
    expect(light.examples).toEqual([]);
    expect(bytesOf(light.joiner.snapshot()).length).toBeLessThan(bytesOf(whole.joiner.snapshot()).length);
  });

  test('are none where the ranker has no state', () => {
    const it = new Bench(ranker({}, { features: { length: { kind: 'number', scope: 'candidate' } } }));
    it.take(shown({ of: it.definition }))
      .take(later(1, 'click'))
      .until(start + day);
    expect(it.outcomes).toEqual([]);
    expect(it.examples).toHaveLength(1);
  });
});

describe('odd feedback', () => {
  let it: Bench;
  beforeEach(() => {
    it = bench();
  });

  test('the same event twice counts once, also when it waits for its impression', () => {
    const it = bench({ watch: { take: 'sum' } });
    const watch = later(-5, 'watch', { value: 4, eventId: 'w' });
    it.take(watch)
      .take(watch)
      .take(shown({ of: it.definition, rows: 1 }))
      .take(later(1, 'click'));
    it.take({ ...watch, time: start + 20 }).until(start + day);
    expect(it.labels(0)).toEqual([[1, 4]]);
    expect(it.odd).toEqual({ duplicateFeedback: 2, earlyFeedback: 2, skewedFeedback: 1 });
  });

  test('before its impression waits for it, and counts as of the same time', () => {
    it.take(later(-minuteMs, 'click'))
      .take(shown({ of: it.definition, rows: 1 }))
      .until(start + 1);
    expect(it.outcomes.at(-1)).toMatchObject({ time: start, labels: { click: 1 }, before: { click: 0 } });
    it.until(start + day);
    expect(it.labels(0)).toEqual([[1, Number.NaN]]);
    expect([...it.examples[0]!.feedbackTimes]).toEqual([start]);
    expect(it.odd).toEqual({ earlyFeedback: 1, skewedFeedback: 1 });
  });

  test('without an impression is refused after late_for, with the reason', () => {
    it.take(later(0, 'click', { requestId: 'nobody’s' })).until(start + 10 * minuteMs);
    expect(it.refused).toEqual([]);
    it.until(start + 10 * minuteMs + 1);
    expect(it.refused).toHaveLength(1);
    expect(it.refused[0]!.reason).toContain('nobody’s');
    expect(it.odd).toEqual({ orphanedFeedback: 1 });
    expect(it.joiner.sizes).toEqual({ impressions: 0, held: 0 });
  });

  test('of an impression that is forgotten is refused too', () => {
    it.take(shown({ of: it.definition }))
      .take(later(20 * minuteMs + 1, 'click'))
      .until(start + day);
    expect(it.odd).toEqual({ orphanedFeedback: 1 });
  });

  test('after the wait is late as long as its impression is known', () => {
    it.take(shown({ of: it.definition }))
      .take(later(20 * minuteMs, 'click'))
      .until(start + day);
    expect(it.odd).toEqual({ lateFeedback: 1 });
    expect(it.labels(0)[0]).toEqual(nothing);
  });

  test('for an item that was not shown is refused', () => {
    it.take(shown({ of: it.definition }))
      .take(later(1, 'click', { itemId: 'z' }))
      .until(start + day);
    expect(it.refused.map(({ reason }) => reason)).toEqual(['item z was not in the list of request r1']);
    expect(it.odd).toEqual({ strangeFeedback: 1 });
  });

  test('of a kind that no label reads is counted', () => {
    it.take(shown({ of: it.definition }))
      .take(later(1, 'share'))
      .until(start + day);
    expect(it.odd).toEqual({ unreadFeedback: 1 });
    expect(it.refused).toEqual([]);
  });

  test('dated before its impression counts as at the same time', () => {
    it.take(shown({ of: it.definition, rows: 1 }))
      .take(later(-day, 'click'), start + 5)
      .until(start + day);
    expect(it.labels(0)).toEqual([[1, Number.NaN]]);
    expect(it.odd).toEqual({ skewedFeedback: 1 });
  });

  test('dated more than a day ahead of its place is refused, a day is not', () => {
    it.take(shown({ of: it.definition, rows: 1 }));
    it.take(later(5 + day + 1, 'click'), start + 5)
      .take(later(6 + day, 'click'), start + 6)
      .until(start + day);
    expect(it.odd).toEqual({ farAheadFeedback: 1, lateFeedback: 1 });
    expect(it.refused[0]!.reason).toMatch(/ahead/);
  });

  test('names items by text or number alike', () => {
    const { items, ...rest } = shown({ of: it.definition, rows: 1 });
    it.take({ ...rest, items: [{ ...items[0]!, id: 7 }] })
      .take(later(1, 'click', { itemId: '7' }))
      .until(start + day);
    expect(it.labels(0)).toEqual([[1, Number.NaN]]);
  });
});

describe('late feedback', () => {
  test('that supplements is another example of its row with that label alone', () => {
    const it = bench({ click: { wait: '1m', late: 'supplement' }, watch: { wait: '1m' } });
    it.take(shown({ of: it.definition }))
      .take(later(90_000, 'click', { itemId: 'b' }))
      .until(start + day);
    expect(it.examples).toHaveLength(2);
    expect(it.labels(0)).toEqual([nothing, nothing, nothing]);
    expect(it.labels(1)).toEqual([[1, Number.NaN]]);
    const { sequence, matured, positions, served, features, feedbackTimes } = it.examples[1]!;
    expect({ sequence, matured }).toEqual({ sequence: 1, matured: start + 90_000 });
    expect(positions).toEqual(Int32Array.of(2));
    expect(served).toEqual(Float32Array.of(2 / 8, 3 / 8));
    expect(feedbackTimes).toEqual(Float64Array.of(start + 90_000));
    expect(decodeFeatureBatch(features).columns.get('length')).toMatchObject({ values: Float32Array.of(2) });
    expect(it.outcomes.at(-1)).toMatchObject({ labels: { click: 1 }, before: { click: 0 } });
    expect(it.odd).toEqual({});
  });

  test('that supplements a row which still waits for another task is simply taken', () => {
    const it = bench({ click: { wait: '1m', late: 'supplement' }, watch: { wait: '5m' } });
    it.take(shown({ of: it.definition, rows: 1 }))
      .take(later(90_000, 'click'))
      .until(start + day);
    expect(it.examples).toHaveLength(1);
    expect(it.labels(0)).toEqual([[1, Number.NaN]]);
  });

  test('makes what awaited it known as well, where that supplements too', () => {
    const it = bench({ click: { wait: '1m', late: 'supplement' }, watch: { wait: '1m', late: 'supplement' } });
    it.take(shown({ of: it.definition, rows: 1 })).take(later(5, 'watch', { value: 3 }));
    it.take(later(90_000, 'click')).until(start + day);
    expect(it.labels(0)).toEqual([nothing]);
    expect(it.labels(1)).toEqual([[1, 3]]);
  });

  test('weighted by fake negatives: rows at once as negatives, each positive once more, the others when they matured', () => {
    const it = bench({ click: { late: 'fake-negative-weighted' }, watch: { wait: '1m' } });
    it.take(shown({ of: it.definition, rows: 2 })).until(start + 1);
    expect(it.examples).toHaveLength(1);
    expect(it.examples[0]).toMatchObject({ matured: start, sequence: 0 });
    expect(it.labels(0)).toEqual([nothing, nothing]);
    it.take(later(50, 'click', { itemId: 'b' }))
      .take(later(60, 'watch', { itemId: 'b', value: 3 }))
      .until(start + day);
    expect(it.labels(1)).toEqual([[1, Number.NaN]]);
    expect(it.labels(2)).toEqual([
      [Number.NaN, Number.NaN],
      [Number.NaN, 3],
    ]);
    expect(it.examples.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  });

  test('weighted by fake negatives and awaiting another: a negative as soon as it counts', () => {
    const base = ranker();
    const tasks = { click: base.tasks['click']!, like: { kind: 'binary', label: 'l', when: 'click' } } as const;
    const features = { length: { kind: 'number', scope: 'candidate' } } as const;
    const labels = { like: { late: 'fake-negative-weighted' }, click: { wait: '1m' } } as const;
    const it = new Bench(ranker(labels, { tasks, features }));
    it.take(shown({ of: it.definition, rows: 2 })).until(start + 1);
    expect(it.examples).toEqual([]);
    it.take(later(10, 'click', { itemId: 'a' })).take(later(20, 'like', { itemId: 'a' }));
    // Liked before it counts as clicked: both, so that each row that counts was a negative once.
    it.take(later(30, 'like', { itemId: 'b' }))
      .take(later(40, 'click', { itemId: 'b' }))
      .until(start + 50);
    expect(it.examples.map(({ labels: [, like], positions }) => [positions[0], like])).toEqual([
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
  });

  test('weighted by fake negatives is taken until the impression is forgotten, and no later', () => {
    const it = bench({ click: { late: 'fake-negative-weighted', wait: '1m' }, watch: { wait: '1m' } });
    it.take(shown({ of: it.definition })).take(later(2 * minuteMs, 'click'));
    it.take(later(2 * minuteMs + 1, 'click', { itemId: 'b' })).until(start + day);
    expect(it.examples).toHaveLength(3);
    expect(it.odd).toEqual({ orphanedFeedback: 1 });
  });
});
