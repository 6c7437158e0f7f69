import { renameSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { openEmbeddedLog, recordOf, type EventLog } from '../../src/events/index.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import { createOnnxEngine, openServedModel } from '../../training/fit/index.js';
import type { LearnerNews } from '../../training/stream/index.js';
import { dyingAt, learnedIn, learnToEnd, logOf, sealFirst, streamOf, streamRanker, tablesIn } from './loop.js';

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
}, 240_000);
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

/** By id: tables that hold the same rows may hold them in another order. */
function rowsOf(table: EmbeddingTable): Map<string, string> {
  const { keys, values } = table.contents();
  return new Map(
    Array.from({ length: table.size }, (_, row) => [
      `${keys[2 * row]} ${keys[2 * row + 1]}`,
      values.subarray(row * table.dim, (row + 1) * table.dim).join(),
    ]),
  );
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
    expect(report.events).toBe(streamOf().length + 3);
  });

  test('a checkpoint of who joins by itself is refused by who reads what was joined elsewhere, with what to do', async () => {
    const folder = await fresh('elsewhere');
    await learnToEnd(folder, log);
    await expect(learnToEnd(folder, log, { from: 'examples' })).rejects.toMatchObject({
      code: 'checkpoint_damaged',
      problems: [{ path: '--from', hint: expect.stringContaining('--checkpoints') }],
    });
  });

  test('ends in the same bits however often it is killed or stopped on the way', async () => {
    const folder = await fresh('killed');
    const every = { checkpointMs: 1 };
    for (const step of [3, 7]) {
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
  }, 240_000);

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
  }, 240_000);

  test('publishes updates of a version in int8 in int8, with golden rows that hold', async () => {
    const folder = join(base, 'rounded');
    const network = { ...streamRanker.network, precision: 'int8' as const };
    await sealFirst(join(folder, 'models'), { ...streamRanker, network });
    const rounded = await logOf(join(base, 'rounded-log'), streamOf({ ...streamRanker, network }));
    const news: LearnerNews[] = [];
    const { published, sealed } = await learnToEnd(folder, rounded, {
      publish: true,
      sealAtEnd: true,
      every: { publishMs: 50 },
      onNews: (item) => news.push(item),
    });
    await rounded.close();
    expect(news.filter(({ kind }) => kind === 'warning')).toEqual([]);
    expect([published > 0, sealed.length]).toEqual([true, 1]);
    const artifacts = openArtifacts(join(folder, 'models'));
    const [{ versions } = { versions: [] }] = await artifacts.list();
    const of = versions[0]!.version;
    for (const name of [of, `${of}+${(await artifacts.deltas('small', of)).at(-1)}`, sealed[0]!]) {
      const loaded = await artifacts.load('small', name);
      expect(Buffer.from(loaded.graph).includes('QGemm')).toBe(true);
      const served = await openServedModel(loaded);
      expect(await served.score(loaded.golden.batch)).toEqual(loaded.golden.heads);
      await served.close();
    }
  }, 240_000);

  test('updates give those who serve exactly the tables of the learner, also after a kill', async () => {
    const folder = await fresh('updates');
    const options = { publish: true, every: { publishMs: 1, sealMs: Infinity, checkpointMs: 150 } };
    await expect(learnToEnd(folder, log, { ...options, engine: dyingAt(12) })).rejects.toThrow('killed');
    const report = await learnToEnd(folder, log, { ...options, every: { ...options.every, publishMs: 1 } });
    expect(report.version).toMatch(/\+\d+$/);
    const served = await openArtifacts(join(folder, 'models')).load('small', report.version);
    const learned = await tablesIn(folder);
    for (const [name, table] of served.tables) expect(rowsOf(table)).toEqual(rowsOf(learned.get(name)!));
    // What the chain ends with scores its golden rows as the learner did.
    const model = await openServedModel(served);
    const heads = await model.score(served.golden.batch);
    await model.close();
    heads.forEach((value, i) => expect(Math.abs(value - served.golden.heads[i]!)).toBeLessThan(1e-5));
  }, 240_000);

  test('publishes by the time of the log where it is told to: in accelerated time, step by step with who writes', async () => {
    const folder = await fresh('accelerated');
    const events = streamOf();
    const [first = 0, last = 0] = [events[0]?.time, events.at(-1)?.time];
    const growing = await openEmbeddedLog({ directory: join(base, 'growing'), partitions: 1 });
    const reached: number[] = [];
    let onReached: (() => void) | undefined;
    const stop = new AbortController();
    const updates: number[] = [];
    const learning = learnToEnd(folder, growing, {
      untilEnd: false,
      publish: true,
      clock: 'stream',
      every: { publishMs: 50_000, sealMs: Infinity, checkpointMs: Infinity },
      signal: stop.signal,
      onWatermark: (watermark) => {
        reached.push(watermark);
        onReached?.();
      },
      onNews: (news) => {
        if ('what' in news && news.what === 'update') updates.push(reached.at(-1) ?? NaN);
      },
    });
    // Ten seconds of the log at a time; none is written before the learner has come to the end of the one before.
    const stepMs = 10_000;
    for (let from = first; from <= last; from += stepMs) {
      const until = from + stepMs;
      const piece = events.filter(({ time }) => time >= from && time < until).map((event) => recordOf(event, 0));
      await growing.append('events', [...piece, recordOf({ kind: 'marker', time: until }, 0)]);
      await new Promise<void>((resolve) => {
        onReached = () => {
          if ((reached.at(-1) ?? -Infinity) >= until - 1000) resolve();
        };
        onReached();
      });
    }
    stop.abort();
    const { lagMs } = await learning;
    // What is newest in the log less what may still come late.
    expect(lagMs).toBe(1000);
    await growing.close();
    const multiples = Math.floor((reached.at(-1)! - 1) / 50_000) - Math.floor(first / 50_000);
    // Each within the step that passed its multiple; the first may come before anything was learned.
    expect(updates.length).toBeGreaterThanOrEqual(multiples - 1);
    expect(updates.length).toBeLessThanOrEqual(multiples);
    expect(new Set(updates.map((time) => Math.floor((time + stepMs) / 50_000))).size).toBe(updates.length);
  }, 240_000);

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
  }, 240_000);

  test('begins at another version when one was activated since, and says so', async () => {
    const folder = await fresh('another');
    await learnToEnd(folder, log);
    const models = join(folder, 'models');
    const other = await sealFirst(models, { ...streamRanker, description: 'another' });
    const news: LearnerNews[] = [];
    const report = await learnToEnd(folder, log, { onNews: (item) => news.push(item) });
    expect(news).toContainEqual(
      expect.objectContaining({ kind: 'warning', message: expect.stringContaining('activated') }),
    );
    expect(news).toContainEqual(
      expect.objectContaining({ kind: 'started', version: other, from: 'version', steps: 0 }),
    );
    expect(report.rows).toBeGreaterThan(500);
  }, 240_000);

  test('stops where checkpoints cannot be written, loses nothing, and goes on when they can', async () => {
    const folder = await fresh('unwritable');
    const every = { checkpointMs: 1 };
    const stopped = learnToEnd(folder, log, {
      every,
      onNews: ({ kind }) => {
        // The folder turns into something that cannot hold a file, as a disk that is full or gone.
        if (kind !== 'checkpoint') return;
        renameSync(join(folder, 'checkpoints'), join(folder, 'aside'));
        writeFileSync(join(folder, 'checkpoints'), '');
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'learning_stopped' });
    await rm(join(folder, 'checkpoints'));
    await rename(join(folder, 'aside'), join(folder, 'checkpoints'));
    await rm(join(folder, 'checkpoints', 'learner.lock'));
    await learnToEnd(folder, log);
    expect(await learnedIn(folder)).toEqual(whole);
  }, 240_000);

  test('publishes nothing more once the service was made to go back, until the next version', async () => {
    const folder = await fresh('withdrawn');
    const artifacts = openArtifacts(join(folder, 'models'));
    await artifacts.withdraw('small', 0, 'worse');
    const news: LearnerNews[] = [];
    const report = await learnToEnd(folder, log, {
      publish: true,
      sealAtEnd: true,
      every: { publishMs: 1, sealMs: Infinity },
      onNews: (item) => news.push(item),
    });
    expect(report.published).toBe(0);
    expect(news).toContainEqual(expect.objectContaining({ what: 'update', kind: 'paused' }));
    expect((await artifacts.list())[0]).toMatchObject({ active: report.sealed[0] });
  }, 240_000);

  test('a ranker has one learner: a second one is told who has it', async () => {
    const folder = await fresh('twice');
    const running = learnToEnd(folder, log);
    await expect(learnToEnd(folder, log)).rejects.toMatchObject({ code: 'learning_stopped' });
    await running;
    await learnToEnd(folder, log, { engine: createOnnxEngine });
  }, 240_000);
});
