import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicStore } from '../../src/events/embedded/store.js';
import { SeededRandom } from '../../src/random.js';

const directory = mkdtempSync(join(tmpdir(), 'watchnext-segments-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const partitions = 3;
const open = (): TopicStore =>
  new TopicStore({ directory, topic: 'events', partitions, segmentBytes: 2_000, segmentMs: 10_000 });

const value = Buffer.from('a record');
const all = Array.from({ length: partitions }, (_, partition) => partition);

test('a store that remembers where its last segments begin has the ends that one has which has just been opened', async () => {
  const store = open();
  const random = new SeededRandom(7);
  const below = (limit: number): number => random.below(limit);
  let now = Date.UTC(2026, 4, 1);
  for (let step = 0; step < 150; step++) {
    now += below(5_000);
    const partition = below(partitions);
    const what = below(10);
    if (what === 0) await store.trim({ before: now - below(20_000), bytes: Number.POSITIVE_INFINITY }, now);
    else if (what === 1) await store.forget(partition, store.bounds(partition).first + below(30));
    else {
      const record = { partition, time: now, value };
      await store.append(
        Array.from({ length: 1 + below(20) }, () => record),
        now,
      );
    }
    store.refresh();
    const other = open();
    expect(all.map((each) => store.bounds(each))).toEqual(all.map((each) => other.bounds(each)));
    for (const each of all) {
      const { first, next } = other.bounds(each);
      expect(store.read(each, next, 1)).toEqual([]);
      expect(store.read(each, next + 1, 1)).toBeUndefined();
      expect(store.read(each, first, 10_000)).toHaveLength(next - first);
    }
    await other.close();
  }
  await store.close();
});
