import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { WatchnextError } from '../../src/errors.js';
import { encodeFrame } from '../../src/features/index.js';
import { openJoinerCheckpoints, type JoinerCheckpoints } from '../../src/join/checkpoints.js';

let folder = '';
let damaged: WatchnextError[] = [];
let checkpoints: JoinerCheckpoints;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'join-checkpoints-'));
  damaged = [];
  checkpoints = openJoinerCheckpoints(folder, (error) => void damaged.push(error));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const frame = (number: number, words = 40): Uint8Array =>
  encodeFrame({ magic: 'WNTT', version: 1, what: 'test' }, {}, [new Float64Array(words).fill(number)]);
const latest = (): Promise<Buffer[] | undefined> =>
  checkpoints.latest((frames) => [...frames].map((bytes) => Buffer.from(bytes)));
const newest = async (): Promise<string> => join(folder, (await readdir(folder)).sort().at(-1)!);

describe('checkpoints of a joiner', () => {
  test('are read back frame by frame, each in memory of its own', async () => {
    expect(await latest()).toBeUndefined();
    const frames = [frame(1), frame(2, 0), frame(3, 100_000)];
    await checkpoints.write(frames);
    expect((await latest())!.map((bytes, i) => bytes.equals(frames[i]!))).toEqual([true, true, true]);
    await checkpoints.latest((read) => {
      for (const { buffer, length } of read) expect(buffer.byteLength).toBe(length);
    });
  });

  test('are written one frame at a time: the next is made when the one before is on its way', async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    const made: number[] = [];
    await checkpoints.write({
      *[Symbol.iterator]() {
        for (let i = 0; i < 5; i++) {
          made.push(turns);
          for (const end = performance.now() + 20; performance.now() < end;);
          yield frame(i);
        }
      },
    });
    clearInterval(ticking);
    expect(new Set(made).size).toBeGreaterThan(3);
    expect(await latest()).toHaveLength(5);
  });

  test.each([
    ['its end is missing', (path: string) => truncate(path, 700), /\d+ bytes of 360/],
    ['it ends within the first words of a frame', (path: string) => truncate(path, 364), 'it is cut short'],
    [
      'a frame says it is larger than the file',
      async (path: string) => {
        const bytes = await readFile(path);
        bytes.writeUInt32LE(0xfffffff8, 12);
        await writeFile(path, bytes);
      },
      '720 bytes of 4294967288',
    ],
    [
      'a frame says it is nothing',
      async (path: string) => {
        const bytes = await readFile(path);
        bytes.writeUInt32LE(0, 360 + 12);
        await writeFile(path, bytes);
      },
      'no frame has 0 bytes',
    ],
  ])('where %s the one before is used, and it is said why', async (_, damage, why) => {
    await checkpoints.write([frame(1)]);
    await checkpoints.write([frame(2), frame(2)]);
    expect((await readFile(await newest())).length).toBe(2 * 360);
    await damage(await newest());
    expect((await latest())![0]!.equals(frame(1))).toBe(true);
    expect(damaged.map(({ code }) => code)).toEqual(['checkpoint_damaged']);
    expect(damaged[0]!.message).toMatch(why);
    expect(damaged[0]!.message).toContain(await newest());
  });
});
