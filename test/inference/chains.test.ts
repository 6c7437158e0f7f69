import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openArtifacts, type Artifacts } from '../../src/artifact/index.js';
import { attachTable } from '../../src/embeddings/index.js';
import { hashId } from '../../src/features/index.js';
import { createChains, type Chains, type Place, type Update } from '../../src/inference/chains.js';
import { learnShelf, type ShelfLearner } from './shelf-lessons.js';
import { sealShelf, sumGraph } from './shelf-model.js';

let folder: string;
let base: string;
let artifacts: Artifacts;
let learner: ShelfLearner;
let chains: Chains;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-chains-'));
  base = await sealShelf(folder);
  artifacts = openArtifacts(folder);
  learner = await learnShelf(artifacts, base);
  chains = createChains(artifacts, 1000);
});
afterEach(() => rm(folder, { recursive: true }));

/** The row of i0, as whoever attached would read it. */
const rowOf = ({ tables }: Update): number[] => {
  const out = new Float32Array(2);
  const keys = Uint32Array.from(hashId('i0'));
  attachTable(tables.get('item_id')!).pool({ offsets: Int32Array.of(0, 1), keys, out, stride: 2, offset: 0 });
  return [...out];
};
const open = async (): Promise<Update> => (await chains.open('shelf', base)).opened;
const advance = (place: Place, through?: number): Promise<Update | undefined> =>
  chains.advance({ ranker: 'shelf', base, place, through });
const publish = (n: number, more: object = {}): Promise<string> => learner.publish({ rows: { i0: [n, n] }, ...more });

describe('the deltas of a version', () => {
  test('go to the copy that nobody reads; the one that is read stays as it is', async () => {
    const sealed = await open();
    const before = rowOf(sealed);
    await publish(1);
    const first = (await advance(sealed.place))!;
    await publish(2);
    expect(await advance(first.place)).toBeUndefined();
    expect([rowOf(sealed), rowOf(first)]).toEqual([before, [1, 1]]);
    chains.release(sealed.place);
    const second = (await advance(first.place))!;
    expect([rowOf(first), rowOf(second), second.version]).toEqual([[1, 1], [2, 2], `${base}+2`]);
  });

  test('are answered again when what they gave could not be put into service', async () => {
    const sealed = await open();
    await publish(1, { scale: 4, feedbackTimes: [5] });
    const once = (await advance(sealed.place))!;
    chains.release(once.place);
    expect(await advance(sealed.place)).toEqual(once);
    chains.release(once.place);
    await publish(2, { feedbackTimes: [6] });
    const both = (await advance(sealed.place))!;
    expect(both.graph).toEqual(once.graph);
    expect([rowOf(both), both.facts.sequence]).toEqual([[2, 2], 2]);
    expect([...both.facts.feedbackTimes]).toEqual([5, 6]);
  });

  test('are applied up to where they may serve', async () => {
    const sealed = await open();
    for (const n of [1, 2, 3]) await publish(n);
    expect(await advance(sealed.place, 0)).toBeUndefined();
    const second = (await advance(sealed.place, 2))!;
    expect([rowOf(second), second.version]).toEqual([[2, 2], `${base}+2`]);
    chains.release(sealed.place);
    expect(await advance(second.place, 2)).toBeUndefined();
    expect(rowOf((await advance(second.place))!)).toEqual([3, 3]);
  });

  test('are applied to the version as it was sealed where another process held what serves', async () => {
    const sealed = await open();
    await publish(1, { scale: 3 });
    await publish(2);
    const others = createChains(artifacts, 1000);
    const update = (await others.advance({ ranker: 'shelf', base, place: sealed.place, through: undefined }))!;
    expect([rowOf(update), update.version]).toEqual([[2, 2], `${base}+2`]);
    expect(update.graph).toEqual(Uint8Array.from((await artifacts.load('shelf', `${base}+2`)).graph));
    await publish(3);
    expect(rowOf((await others.advance({ ranker: 'shelf', base, place: update.place, through: undefined }))!)).toEqual([
      3, 3,
    ]);
  });

  test('leave what serves alone when one does not apply', async () => {
    const sealed = await open();
    await publish(1);
    const first = (await advance(sealed.place))!;
    chains.release(sealed.place);
    await publish(2);
    await publish(3);
    await rm(join(folder, 'shelf', 'deltas', base, '00000002.delta'));
    await expect(advance(first.place)).rejects.toMatchObject({ code: 'delta_refused' });
    expect(rowOf(first)).toEqual([1, 1]);
  });

  test('bring their graph in the memory of one that nobody runs', async () => {
    const sealed = await open();
    await publish(1, { scale: 2 });
    const first = (await advance(sealed.place))!;
    chains.release(sealed.place);
    await publish(2, { scale: 3 });
    const second = (await advance(first.place))!;
    expect(second.graph!.buffer).toBe(sealed.graph!.buffer);
    expect([first.graph, second.graph]).toEqual([sumGraph(2, false), sumGraph(3, false)]);
  });

  test('leave a graph alone for as long as a later one runs it, too', async () => {
    const sealed = await open();
    await publish(1, { scale: 2 });
    const first = (await advance(sealed.place))!;
    chains.release(sealed.place);
    await publish(2);
    const second = (await advance(first.place))!;
    expect(second.graph).toBeUndefined();
    chains.release(first.place);
    await publish(3, { scale: 3 });
    const third = (await advance(second.place))!;
    expect([first.graph, third.graph]).toEqual([sumGraph(2, false), sumGraph(3, false)]);
    chains.release(second.place);
    await publish(4, { scale: 4 });
    expect((await advance(third.place))!.graph).toEqual(sumGraph(4, false));
    expect(third.graph).toEqual(sumGraph(3, false));
  });
});

test('a version is read into the memory of one that was released, with all its deltas', async () => {
  const before = await open();
  await publish(1, { scale: 2 });
  const updated = (await advance(before.place))!;
  const buffersOf = ({ tables, graph }: Update) => [
    graph!.buffer,
    ...[...tables.values()].flatMap(({ slots, records }) => [slots, records]),
  ];
  const held = new Set([before, updated].flatMap(buffersOf));
  const beside = await open();
  expect(buffersOf(beside).some((buffer) => held.has(buffer))).toBe(false);
  for (const { place } of [before, updated]) chains.release(place);
  const next = await open();
  expect(buffersOf(next).every((buffer) => held.has(buffer))).toBe(true);
  expect(rowOf(next)).toEqual(rowOf(beside));
  expect(next.graph).toEqual(beside.graph);
});
