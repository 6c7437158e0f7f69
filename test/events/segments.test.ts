import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicStore } from '../../src/events/embedded/store.js';
import { EmbeddedTopic } from '../../src/events/embedded/topic.js';
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

test('a reader that meets a fault has handed out nothing, and reads the same when it is asked again', async () => {
  const store = new TopicStore({ directory, topic: 'examples', partitions, segmentBytes: 2_000, segmentMs: 10_000 });
  const topic = new EmbeddedTopic(store, { retention: {}, now: () => 0 });
  await topic.append(all.map((partition) => ({ partition, time: partition, value })));
  const reader = topic.reader({ from: 'start' });
  const read = store.read.bind(store);
  let faults = 1;
  store.read = (...place) => {
    if (place[0] === 1 && faults-- > 0) throw store.failure(new Error('MDB_READERS_FULL'));
    return read(...place);
  };
  const ask = { most: 10, waitMs: 0 };
  await expect(reader.next(ask)).rejects.toMatchObject({ code: 'log_unavailable' });
  expect((await reader.next(ask)).map(({ partition }) => partition)).toEqual(all);
  await topic.close();
});
