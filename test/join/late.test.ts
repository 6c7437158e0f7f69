import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import type { LoggedEvent } from '../../src/events/index.js';
import { createJoiner } from '../../src/join/index.js';
import { generator } from '../features/world.js';
import { heard, minuteMs, ranker, shown, start } from './world.js';

/**
 * A platform where every row is clicked with the same chance, each click after an exponential delay, and a learner of one
 * number: what it learns is in closed form, so the bias that each way of treating late clicks leaves is known exactly.
 */
const rate = 0.2;
const waitMs = 10 * minuteMs;
const meanDelayMs = 15 * minuteMs;
const lists = 4000;
const rows = 5;
const shareInTime = 1 - Math.exp(-waitMs / meanDelayMs);
/** Four standard deviations of the rate over as many rows. */
const noise = 4 * Math.sqrt((rate * (1 - rate)) / (lists * rows));

/** How many rows were learned as negatives and as positives. */
function learned(late: 'ignore' | 'supplement' | 'fake-negative-weighted'): { negatives: number; positives: number } {
  const definition: RankerDefinition = ranker(
    { click: { wait: '10m', late } },
    {
      tasks: { click: { kind: 'binary', label: 'is_click' } },
      features: { length: { kind: 'number', scope: 'candidate' } },
      stream: { late_for: '10h' },
    },
  );
  const random = generator(77);
  const events: LoggedEvent[] = [];
  for (let list = 0; list < lists; list++) {
    const time = start + list * 1000;
    const requestId = `r${list}`;
    events.push(shown({ of: definition, time, requestId, rows }));
    for (let row = 0; row < rows; row++) {
      if (random() >= rate) continue;
      const delay = Math.round(-meanDelayMs * Math.log(1 - random()));
      const itemId = String.fromCharCode(97 + row);
      events.push(heard({ what: 'click', time: time + delay, requestId, itemId, eventId: `${list}/${row}` }));
    }
  }
  const joiner = createJoiner(definition, { examples: true });
  const value = new Uint8Array(0);
  events
    .sort((a, b) => a.time - b.time)
    .forEach((event, offset) => joiner.take({ time: event.time, partition: 0, offset, from: offset, event, value }));
  const { examples } = joiner.advance(start + 1000 * 60 * minuteMs);
  const labels = [...examples].flatMap((example) => [...example.labels]);
  return {
    negatives: labels.filter((label) => label === 0).length,
    positives: labels.filter((label) => label === 1).length,
  };
}

const logLossOptimum = ({ negatives, positives }: ReturnType<typeof learned>): number =>
  positives / (positives + negatives);

/** Descends the loss -[y (1 + f) log f + (1 - y) (1 - f) (1 + f) log(1 - f)], the weights held fixed in each step. */
function fakeNegativeWeightedOptimum({ negatives, positives }: ReturnType<typeof learned>): number {
  const total = negatives + positives;
  let logit = 0;
  for (let step = 0; step < 2000; step++) {
    const f = 1 / (1 + Math.exp(-logit));
    const gradient = (-positives * (1 + f) * (1 - f) + negatives * (1 - f) * (1 + f) * f) / total;
    logit -= gradient;
  }
  return 1 / (1 + Math.exp(-logit));
}

describe('late feedback, with a known rate and known delays', () => {
  test('ignored: the learned rate is too low by the share that comes too late', () => {
    const learnedRate = logLossOptimum(learned('ignore'));
    expect(Math.abs(learnedRate - rate * shareInTime)).toBeLessThan(noise);
    expect(learnedRate).toBeLessThan(rate - 4 * noise);
  });

  test('supplemented: every positive is learned, but the late ones were negatives too: p / (1 + p times the late share)', () => {
    const learnedRate = logLossOptimum(learned('supplement'));
    expect(Math.abs(learnedRate - rate / (1 + rate * (1 - shareInTime)))).toBeLessThan(noise);
    expect(learnedRate).toBeLessThan(rate - noise);
  });

  test('weighted by fake negatives: the true rate, where plain log loss would learn p / (1 + p)', () => {
    const counts = learned('fake-negative-weighted');
    expect(counts.negatives).toBe(lists * rows);
    expect(Math.abs(logLossOptimum(counts) - rate / (1 + rate))).toBeLessThan(noise);
    expect(Math.abs(fakeNegativeWeightedOptimum(counts) - rate)).toBeLessThan(noise);
  });
});
