import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EmbeddingTable, encodeTable } from '../../src/embeddings/index.js';
import type { WatchnextError } from '../../src/errors.js';
import type { CheckpointParts } from '../../training/stream/checkpoint-file.js';
import { openCheckpoints, type Checkpoints } from '../../training/stream/checkpoint.js';
import { startOfPlace } from '../../training/stream/place.js';
import { encodeWaiting } from '../../training/stream/waiting.js';
import { writeSections } from '../../training/sections/index.js';
import { simulatedLog, smallRanker } from '../fit/world.js';
import { stepsOf } from './joined.js';

let folder = '';
let damaged: WatchnextError[] = [];
const opened: Checkpoints[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stream-checkpoint-'));
  damaged = [];
});
afterEach(async () => {
  for (const checkpoints of opened.splice(0)) await checkpoints.close();
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true, force: true });
});

async function open(directory = folder): Promise<Checkpoints> {
  const checkpoints = await openCheckpoints({ directory, onDamaged: (error) => damaged.push(error) });
  opened.push(checkpoints);
  return checkpoints;
}

function tableOf(rows: number, seed = 1): EmbeddingTable {
  const table = new EmbeddingTable({ dim: 4, seed });
  table.admit(
    Uint32Array.from({ length: 2 * rows }, (_, i) => i + 1),
    1000,
  );
  return table;
}

const waiting = stepsOf({ definition: smallRanker(), log: simulatedLog({ requests: 7 }) }).flatMap(({ example }) =>
  example === undefined ? [] : [{ ...example, partition: example.sequence < 3 ? 2 : 0 }],
);

const partsOf = (steps: number, tables: CheckpointParts['tables'] = new Map()): CheckpointParts => ({
  facts: {
    ranker: 'small',
    fingerprint: 'f',
    line: ['20240101T000000Z-000000'],
    published: { sequence: 3, hash: 'abc' },
    place: {
      counts: { ...startOfPlace.counts, rows: 10 * steps },
      steps,
      clocks: { example: 1.5, outcome: null, rowsHour: null, stateHour: 7 },
      notFiniteInARow: 0,
      learned: { rows: 3, feedbackTimes: [1, 2], stride: 1, seen: 2, until: null },
      known: null,
    },
  },
  stream: [Uint8Array.of(1, 2, 3), Uint8Array.of(4)],
  state: Uint8Array.of(4),
  windows: new Uint8Array(0),
  waiting,
  dense: new Map([
    ['parameters/a', Float32Array.of(1, -2, NaN)],
    ['optimizer/a', new Float32Array(0)],
  ]),
  tables,
});

const files = async (): Promise<string[]> => (await readdir(folder)).sort();

describe('checkpoints', () => {
  test('are read back as they were written', async () => {
    const checkpoints = await open();
    expect(await checkpoints.latest()).toBeUndefined();
    const tables = new Map([['item', tableOf(50)]]);
    await checkpoints.prepare(tables);
    const expected = tables.get('item')!.serialise();
    await checkpoints.write(partsOf(5, checkpoints.copy(tables)));
    const found = (await (await open()).latest())!;
    const { facts, stream, state, windows } = partsOf(5);
    const { model, ...others } = found;
    expect(others).toEqual({ facts, stream, state, windows, waiting });
    expect(model.dense).toEqual(partsOf(5).dense);
    expect(Buffer.from(model.tables.get('item')!).equals(expected)).toBe(true);
    expect(found.waiting.map(({ partition }) => partition)).toEqual([2, 2, 2, 0, 0, 0, 0]);
  });

  test('are three at most, the newest wins, and nothing else lies beside them', async () => {
    const checkpoints = await open();
    for (let step = 1; step <= 5; step++) await checkpoints.write(partsOf(step));
    expect(await files()).toEqual(['000000003.checkpoint', '000000004.checkpoint', '000000005.checkpoint']);
    const again = await open();
    expect((await again.latest())!.facts.place.steps).toBe(5);
    await again.write(partsOf(6));
    expect(await files()).toEqual(['000000004.checkpoint', '000000005.checkpoint', '000000006.checkpoint']);
  });

  test('use the same memory again, though the table grew, and hold what was there when they were copied', async () => {
    const checkpoints = await open();
    const table = tableOf(10);
    const tables = new Map([['item', table]]);
    await checkpoints.prepare(tables);
    for (const more of [20, 400, 401, 3]) {
      table.admit(
        Uint32Array.from({ length: 2 * more }, (_, i) => 7 * more + i),
        2000,
      );
      const expected = Buffer.from(table.serialise());
      const copied = checkpoints.copy(tables)!;
      const writing = checkpoints.write(partsOf(1, copied));
      // Learning goes on meanwhile; the memory is in use.
      table.admit(Uint32Array.of(99, more), 3000);
      expect(checkpoints.copy(tables)).toBeUndefined();
      await writing;
      const found = (await checkpoints.latest())!;
      expect(Buffer.from(found.model.tables.get('item')!).equals(expected)).toBe(true);
    }
  });

  test.each([
    ['its end is missing', (path: string) => truncate(path, 500)],
    ['it is empty', (path: string) => truncate(path, 0)],
    [
      'a bit flipped in its middle',
      async (path: string) => {
        const bytes = await readFile(path);
        bytes[Math.floor(bytes.length * 0.8)]! ^= 16;
        await writeFile(path, bytes);
      },
    ],
    ['it is something else', (path: string) => writeFile(path, 'what is this?'.repeat(100))],
  ])('when the newest is damaged (%s) the one before is used, and it is said', async (_, damage) => {
    const checkpoints = await open();
    for (let step = 1; step <= 2; step++) await checkpoints.write(partsOf(step));
    await damage(join(folder, '000000002.checkpoint'));
    const again = await open();
    expect((await again.latest())!.facts.place.steps).toBe(1);
    expect(damaged.map(({ code }) => code)).toEqual(['checkpoint_damaged']);
    expect(damaged[0]!.message).toContain('000000002.checkpoint');
    // A new one never takes the name of a damaged one.
    await again.write(partsOf(3));
    expect((await files()).at(-1)).toBe('000000003.checkpoint');
  });

  test('of version 1, where the joined stream was one array, are read', async () => {
    const { facts, state, windows, stream } = partsOf(7);
    const arrays = new Map([['stream', stream[0]!], ['state', state], ['windows', windows], ...encodeWaiting(waiting)]);
    const path = join(folder, '000000009.checkpoint');
    await writeSections(path, { header: { ...facts, format: 1, tables: [] }, arrays });
    const found = (await (await open()).latest())!;
    expect([found.facts, found.stream, found.waiting]).toEqual([facts, [stream[0]], waiting]);
    await writeSections(path, { header: { ...facts, format: 3, tables: [] }, arrays });
    await expect((await open()).latest()).rejects.toMatchObject({
      problems: [{ message: 'its format is version 3; this program reads versions 1 and 2' }],
    });
  });

  test('when all are damaged nothing is made up', async () => {
    const checkpoints = await open();
    for (let step = 1; step <= 2; step++) await checkpoints.write(partsOf(step));
    for (const name of await files()) await truncate(join(folder, name), 700);
    const refused = (await open()).latest();
    await expect(refused).rejects.toMatchObject({ code: 'checkpoint_damaged' });
    await expect(refused).rejects.toThrow(/None of the 2 checkpoints/);
    expect(damaged).toEqual([]);
  });

  test('what a killed writer left is cleared away', async () => {
    await writeFile(join(folder, '000000001.checkpoint.4711.tmp'), 'half');
    await open();
    expect(await files()).toEqual([]);
  });

  test('a folder that cannot be written stops learning, says what to do, and leaves the last checkpoint', async () => {
    const checkpoints = await open();
    const tables = new Map([['item', tableOf(5)]]);
    await checkpoints.write(partsOf(1, checkpoints.copy(tables)));
    await rm(folder, { recursive: true });
    await writeFile(folder, 'in the way');
    const stopped = checkpoints.write(partsOf(2, checkpoints.copy(tables)));
    await expect(stopped).rejects.toMatchObject({ code: 'learning_stopped', retriable: true });
    await expect(stopped).rejects.toThrow(/could not be written .*Nothing is lost/);
    // When there is room again, it goes on in the same process too.
    await rm(folder);
    await checkpoints.write(partsOf(3, checkpoints.copy(tables)));
    expect((await checkpoints.latest())!.facts.place.steps).toBe(3);
  });

  test('a table’s copy is the table', () => {
    const table = tableOf(30);
    expect(Buffer.from(encodeTable(table.snapshot())).equals(table.serialise())).toBe(true);
  });
});
