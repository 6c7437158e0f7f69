import { expect, test } from '@jest/globals';
import type { EventId } from '../../src/events/index.js';
import type { Fields, FieldValue } from '../../src/features/index.js';
import { ListShelf, type KeptList, type ListFields } from '../../src/join/kept-list.js';
import { generator } from '../features/world.js';

const names = ['item_id', 'author', 'tab'];

test('what is kept comes back as it was shown: ids as text and as number, fields that change and change back, odd values', () => {
  const random = generator(3);
  const below = (n: number): number => Math.floor(random() * n);
  const values: readonly FieldValue[] = ['', 'x', 0, -0, 1, true, false, '1'];
  const record = (): Fields =>
    Object.fromEntries(names.flatMap((name) => (random() < 0.3 ? [] : [[name, values[below(values.length)]]])));
  const shelf = new ListShelf(names);
  const kept: { list: KeptList; ids: EventId[]; fields: ListFields }[] = [];
  for (let i = 0; i < 400; i++) {
    const ids = Array.from({ length: below(12) }, (): EventId => (random() < 0.5 ? below(9) : String(below(9))));
    const fields = { user: record(), context: record(), candidates: ids.map(record) };
    kept.push({ list: shelf.keep(ids, fields), ids, fields });
  }
  for (const { list, ids, fields } of kept) {
    expect(list.rows).toBe(ids.length);
    expect(list.ids()).toEqual(ids);
    expect(list.fields()).toEqual(fields);
    for (const id of [0, '0', 8, '8', 'never']) {
      const exactly = ids.indexOf(id);
      const alike = ids.map(String).indexOf(String(id));
      expect(list.rowOf(id)).toBe(exactly >= 0 ? exactly : alike);
    }
  }
});

test('what has not changed is one record and one text for all lists, whatever else has changed in between', () => {
  const shelf = new ListShelf(names);
  const same = { user: {}, context: { tab: 'home' } };
  const keep = (...authors: readonly string[]): KeptList =>
    shelf.keep(
      authors.map((_, row) => `v${row}`),
      { ...same, context: { ...same.context }, candidates: authors.map((author) => ({ author })) },
    );
  const [first, second, third] = [keep('a', 'b'), keep('a', 'c'), keep('a', 'c')];
  expect(second.candidate(0)).toBe(first.candidate(0));
  expect([first, second, third].map((list) => list.candidate(1))).toEqual([
    { author: 'b' },
    { author: 'c' },
    { author: 'c' },
  ]);
  expect(third.candidate(1)).toBe(second.candidate(1));
  expect(third.context).toBe(first.context);
});

test('without state only ids are kept', () => {
  const list = new ListShelf([]).keep(['a', 7], undefined);
  expect([list.ids(), list.fields(), list.user, list.context]).toEqual([['a', 7], undefined, undefined, undefined]);
  expect(list.rowOf('7')).toBe(1);
});

test('more items than a catalogue holds, and lists longer than one, are kept as they are', () => {
  const shelf = new ListShelf(names);
  const numbered = (from: number, rows: number): number[] => Array.from({ length: rows }, (_, row) => from + row);
  const keep = (ids: readonly number[]): KeptList =>
    shelf.keep(ids, { user: {}, context: {}, candidates: ids.map((id) => ({ item_id: `item ${id}` })) });
  const shown = [
    ...Array.from({ length: 45 }, (_, list) => numbered(list * 3000, 3000)),
    numbered(5, 2 ** 16),
    numbered(9, 2 ** 16 + 1),
    numbered(0, 3000),
  ];
  const kept = shown.map(keep);
  kept.forEach((list, i) => {
    const ids = shown[i]!;
    expect(list.ids()).toEqual(ids);
    for (const row of [0, 1, 1999, 2999, ids.length - 1]) {
      expect(list.candidate(row)).toEqual({ item_id: `item ${ids[row]}` });
      expect(list.rowOf(ids[row]!)).toBe(row);
    }
  });
});
