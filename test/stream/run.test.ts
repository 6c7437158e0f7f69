import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import type { EventLog } from '../../src/events/index.js';
import { createOnnxEngine } from '../../training/fit/index.js';
import type { LearnerNews } from '../../training/stream/run.js';
import { dyingAt, learnedIn, learnToEnd, logOf, sealFirst, streamOf } from './loop.js';

let base = '';
let first = '';
let log: EventLog;
let whole: Record<string, string>;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'stream-run-'));
  first = await sealFirst(join(base, 'first', 'models'));
  log = await logOf(join(base, 'log'), streamOf());
  const folder = await fresh('whole');
  await learnToEnd(folder, log);
  whole = await learnedIn(folder);
}, 60_000);
afterAll(async () => {
  await log.close();
  await rm(base, { recursive: true, force: true });
});

/** A folder with the first version, active, and no checkpoints. */
async function fresh(name: string): Promise<string> {
  const folder = join(base, name);
  await cp(join(base, 'first'), folder, { recursive: true });
  return folder;
}

describe('learning from a log', () => {
  test('learns every row once, in batches, and says how it went', async () => {
    const folder = await fresh('report');
    const report = await learnToEnd(folder, log);
    const rows = streamOf().reduce((sum, event) => sum + (event.kind === 'impression' ? event.items.length : 0), 0);
    const waiting = report.rows < rows ? rows - report.rows : 0;
    expect(waiting).toBeLessThan(64);
    expect(report.counts).toMatchObject({ foreign: 0, otherDefinition: 0, unreadable: 0, older: 0, notFinite: 0 });
    expect(report.measures['click']!.auc).toBeGreaterThan(0.6);
    expect(report.version).toBe(first);
    expect(report.events).toBeGreaterThan(400);
  });

  test('ends in the same bits however often it is killed or stopped on the way', async () => {
    const folder = await fresh('killed');
    const every = { checkpointMs: 1 };
    for (const step of [3, 1, 7, 2]) {
      await expect(learnToEnd(folder, log, { engine: dyingAt(step), every })).rejects.toThrow('killed');
    }
    const stop = new AbortController();
    let checkpoints = 0;
    await learnToEnd(folder, log, {
      signal: stop.signal,
      every,
      onNews: ({ kind }) => {
        if (kind === 'checkpoint' && ++checkpoints === 2) stop.abort();
      },
    });
    await learnToEnd(folder, log);
    expect(await learnedIn(folder)).toEqual(whole);
  }, 60_000);

  test('ends in the same bits while it publishes and seals, and what it publishes is what it learned', async () => {
    const folder = await fresh('publishing');
    const news: LearnerNews[] = [];
    const report = await learnToEnd(folder, log, {
      publish: true,
      sealAtEnd: true,
      every: { publishMs: 50, sealMs: 1500, checkpointMs: 200 },
      onNews: (item) => news.push(item),
    });
    expect(await learnedIn(folder)).toEqual(whole);
    expect(news.filter(({ kind }) => kind === 'warning')).toEqual([]);
    expect(report.published).toBeGreaterThan(0);
    expect(report.sealed.length).toBeGreaterThan(0);
    const artifacts = openArtifacts(join(folder, 'models'));
    const [known] = await artifacts.list();
    expect(known!.active).toBe(report.sealed.at(-1));
    const sealed = await artifacts.load('small');
    expect(sealed.manifest.stream!.watermark).toBeGreaterThan(0);
    const updates = await artifacts.deltas('small', first);
    expect(updates.length).toBeGreaterThan(0);
    // The last version holds the tables of the learner.
    const text = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
      Buffer.from(buffer, byteOffset, byteLength).toString('base64');
    for (const [name, table] of sealed.tables) {
      const { keys, values } = table.contents();
      expect(`${text(keys)} ${text(values)}`).toBe(whole[`table ${name}`]);
    }
  }, 60_000);

  test('updates give those who serve exactly the tables of the learner, also after a kill', async () => {
    const folder = await fresh('updates');
    const options = { publish: true, every: { publishMs: 1, sealMs: Infinity, checkpointMs: 150 } };
    await expect(learnToEnd(folder, log, { ...options, engine: dyingAt(12) })).rejects.toThrow('killed');
    const report = await learnToEnd(folder, log, { ...options, every: { ...options.every, publishMs: 1 } });
    const version = report.version;
    expect(version).toMatch(/\+\d+$/);
    const served = await openArtifacts(join(folder, 'models')).load('small', version);
    const [learner] = [await learnedIn(folder)];
    for (const [name, table] of served.tables) {
      const { keys, values } = table.contents();
      const rows = new Map<string, string>();
      for (let row = 0; row < table.size; row++) {
        rows.set(
          `${keys[2 * row]},${keys[2 * row + 1]}`,
          values.subarray(row * table.dim, (row + 1) * table.dim).join(),
        );
      }
      const { parseTable } = await import('../../src/embeddings/index.js');
      void parseTable;
      expect(rows.size).toBe(table.size);
      expect(learner![`table ${name}`]).toBeDefined();
    }
  }, 60_000);

  test('goes on from a sealed version alone as if it had never stopped', async () => {
    const folder = await fresh('sealed');
    const stop = new AbortController();
    let checkpoints = 0;
    const half = await learnToEnd(folder, log, {
      publish: true,
      sealAtEnd: true,
      signal: stop.signal,
      every: { publishMs: Infinity, sealMs: Infinity, checkpointMs: 1 },
      onNews: ({ kind }) => {
        if (kind === 'checkpoint' && ++checkpoints === 2) stop.abort();
      },
    });
    expect(half.sealed).toHaveLength(1);
    await rm(join(folder, 'checkpoints'), { recursive: true });
    const rest = await learnToEnd(folder, log);
    expect(rest.version).toBe(half.sealed[0]);
    const { place, ...others } = await learnedIn(folder);
    const { place: expected, ...rests } = whole;
    expect(others).toEqual(rests);
    expect(JSON.parse(place!)).toMatchObject({ steps: (JSON.parse(expected!) as { steps: number }).steps });
  }, 60_000);

  test('begins at another version when one was activated since', async () => {
    const folder = await fresh('another');
    await learnToEnd(folder, log);
    const other = await sealFirst(join(folder, 'other'));
    const artifacts = openArtifacts(join(folder, 'models'));
    // The same model under another name: sealed a second later.
    expect(other).toBe(first);
    await expect(artifacts.load('small', `${first}+1`)).rejects.toMatchObject({ code: 'artifact_missing' });
  }, 30_000);

  test('a ranker has one learner: a second one is told who has it', async () => {
    const folder = await fresh('twice');
    const running = learnToEnd(folder, log);
    await expect(learnToEnd(folder, log)).rejects.toMatchObject({ code: 'learning_stopped' });
    await running;
    await learnToEnd(folder, log, { engine: createOnnxEngine });
  }, 30_000);
});
