import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import {
  createRateScorer,
  openModel,
  openVersions,
  type LoadableModel,
  type ScorerPool,
} from '../../src/inference/index.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { shelf } from '../ranking/shelf.js';
import { sealShelf } from './shelf-model.js';

const run = promisify(execFile);

test('four threads read one table: it is not copied for them, and what is changed in it all of them see', async () => {
  const program = ['--import', './test/typescript/register.js', 'test/inference/worker-memory.ts', '4', '200'];
  const { stdout } = await run(process.execPath, program, {
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 200_000,
    killSignal: 'SIGKILL',
  });
  const measured = JSON.parse(stdout) as { grownMegabytes: number; answers: number[]; changed: number[] };
  // Four copies would be 800; sessions of this small graph are a few megabytes each.
  expect(measured.grownMegabytes).toBeLessThan(150);
  expect(measured.answers).toHaveLength(4);
  expect(new Set(measured.answers).size).toBe(1);
  expect(measured.changed).toHaveLength(64);
  for (const score of measured.changed) expect(score - measured.answers[0]!).toBeCloseTo(100, 1);
}, 240_000);

/** Bytes of every buffer in it that a trip to another thread copies. */
const copiedBytes = (value: unknown, seen = new Set<unknown>()): number => {
  if (typeof value !== 'object' || value === null || seen.has(value)) return 0;
  seen.add(value);
  if (ArrayBuffer.isView(value)) return copiedBytes(value.buffer, seen);
  if (value instanceof ArrayBuffer) return value.byteLength;
  const parts = value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value);
  return parts.reduce<number>((sum, part) => sum + copiedBytes(part, seen), 0);
};

test('of a version, threads get what they score with: no feature state, and no buffer that would be copied', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-shared-'));
  const versions = openVersions(folder, silentLogger);
  try {
    const version = await sealShelf(folder);
    const given: LoadableModel[] = [];
    const pool: ScorerPool = {
      device: 'cpu',
      workers: 1,
      load: (_, content) => {
        given.push(content);
        return Promise.resolve(createRateScorer(shelf(), version)!);
      },
      close: () => Promise.resolve(),
    };
    const model = await openModel({ versions, pool }, 'shelf', version);
    const [content] = given;
    expect(Object.keys(content!).sort()).toEqual(['definition', 'graph', 'parameters', 'tables']);
    expect(content!.tables.size).toBe(1);
    expect(copiedBytes(content)).toBe(0);
    await model.close();
  } finally {
    await versions.close();
    await rm(folder, { recursive: true });
  }
});
