import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { decodeEvent, encodeEvent } from '../../src/events/index.js';
import { createJoiner } from '../../src/join/index.js';
import { ranker, shown, start } from './world.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that are held, on the heap of JavaScript and beside it. */
function held(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a list of 200 items that waits for feedback takes less than 1.5 kB', () => {
  const rows = 200;
  const definition = ranker({ click: { wait: '30m' } });
  const joiner = createJoiner(definition, { examples: false });
  const base = shown({ of: definition, rows });
  // Few, so that what is known of them weighs nothing beside the lists.
  const items = Array.from({ length: 300 }, (_, item) => ({ item_id: `video-${item}`, length: item }));
  const show = (list: number): void => {
    const candidates = Array.from({ length: rows }, (_, row) => items[(list * 37 + row * 7) % items.length]!);
    const value = encodeEvent({
      ...base,
      time: start + list,
      requestId: `0190a1b2-7c3d-7e4f-8a5b-${String(list).padStart(12, '0')}`,
      items: candidates.map(({ item_id: id }, row) => ({ id, position: row + 1, score: 1, propensity: 1 })),
      fields: { user: { user_id: `user-${list % 500}` }, context: {}, candidates },
    });
    const event = decodeEvent(value);
    joiner.take({ time: event.time, partition: 0, offset: list, from: list, event, value });
    joiner.advance(Number.NEGATIVE_INFINITY);
  };
  const [before, lists] = [200, 1000];
  for (let list = 0; list < before; list++) show(list);
  const begin = held();
  for (let list = before; list < before + lists; list++) show(list);
  expect((held() - begin) / lists).toBeLessThan(1500);
  expect(joiner.sizes.impressions).toBe(before + lists);
});
