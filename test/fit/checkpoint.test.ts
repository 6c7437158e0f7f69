import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from '../../training/fit/checkpoint.js';

const checkpoint: Checkpoint<{ step: number }> = {
  position: { step: 12 },
  now: {
    dense: new Map([['parameters/a/b', Float32Array.of(1, -2.5, 3e-9)]]),
    tables: new Map([
      ['item', Uint8Array.of(1, 2, 3)],
      ['user', new Uint8Array(0)],
    ]),
  },
  best: {
    dense: new Map([['parameters/a/b', Float32Array.of(7, 8, 9)]]),
    tables: new Map([['item', Uint8Array.of(9)]]),
  },
};

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-test-'));
  path = join(folder, 'deep', 'run.checkpoint');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a checkpoint', () => {
  test('reads back as it was written, with and without a best state', async () => {
    await writeCheckpoint(path, checkpoint);
    expect(await readCheckpoint(path)).toEqual(checkpoint);
    await writeCheckpoint(path, { ...checkpoint, best: undefined });
    expect(await readCheckpoint(path)).toEqual({ ...checkpoint, best: undefined });
  });

  test('is not there before it was written, and leaves nothing beside it', async () => {
    expect(await readCheckpoint(path)).toBeUndefined();
    await writeCheckpoint(path, checkpoint);
    expect(await readdir(join(folder, 'deep'))).toEqual(['run.checkpoint']);
  });

  test('that cannot be put in place leaves nothing behind either', async () => {
    await mkdir(join(path, 'in the way'), { recursive: true });
    await expect(writeCheckpoint(path, checkpoint)).rejects.toThrow();
    expect(await readdir(join(folder, 'deep'))).toEqual(['run.checkpoint']);
  });

  test('is refused when a bit flipped anywhere or its end is missing, with what to do', async () => {
    await writeCheckpoint(path, checkpoint);
    const whole = await readFile(path);
    const places = Array.from({ length: 40 }, (_, i) => Math.floor((i * whole.length) / 40));
    for (const place of places) {
      const broken = Buffer.from(whole);
      broken[place] = broken[place]! ^ 4;
      await writeFile(path, broken);
      await expect(readCheckpoint(path)).rejects.toMatchObject({ code: 'artifact_damaged' });
    }
    for (const length of [0, 10, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, length));
      await expect(readCheckpoint(path)).rejects.toThrow(/run\.checkpoint/);
    }
  });
});
