import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openArtifacts, sourcesOf, type Sources } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import type { EventLog, LoggedEvent } from '../../src/events/index.js';
import type { LearnerNews } from '../../training/stream/index.js';
import { dyingAt, learnedIn, learnToEnd, logOf, sealFirst, streamOf, streamRanker } from './loop.js';

/** Learns from its own lists and from the other's; the other has another network, and learns its own alone. */
const greedy: RankerDefinition = {
  ...streamRanker,
  stream: { ...streamRanker.stream, rankers: ['other'], arms: { weights: { 'net/new': 0.5 } } },
};
const other: RankerDefinition = {
  ...streamRanker,
  name: 'other',
  network: { kind: 'shared_bottom', bottom: [8] },
};

let base = '';
let log: EventLog;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'stream-rankers-'));
  const models = join(base, 'first', 'models');
  const versions = { small: await sealFirst(models, greedy), other: await sealFirst(models, other) };
  log = await logOf(join(base, 'log'), takingTurns(versions), 2);
}, 240_000);
afterAll(async () => {
  await log.close();
  await rm(base, { recursive: true, force: true });
});

/** Every other list is served by the other ranker, which is the arm `new`. */
function takingTurns(versions: Readonly<Record<'small' | 'other', string>>): LoggedEvent[] {
  const [ours, theirs] = [streamOf(greedy, 160), streamOf(other, 160)];
  const lists = (events: readonly LoggedEvent[]): LoggedEvent[] => events.filter(({ kind }) => kind === 'impression');
  return ours.map((event) => {
    if (event.kind !== 'impression') return event;
    const place = lists(ours).indexOf(event);
    const isTheirs = place % 2 === 1;
    const list = isTheirs ? (lists(theirs)[place] as typeof event) : event;
    return { ...list, version: versions[isTheirs ? 'other' : 'small'], arms: { net: isTheirs ? 'new' : 'old' } };
  });
}

async function fresh(name: string): Promise<string> {
  const folder = join(base, name);
  await cp(join(base, 'first'), folder, { recursive: true });
  return folder;
}

test('two rankers learn from one log side by side, one from the lists of both; killed, to the same bits', async () => {
  const folder = await fresh('together');
  const news: LearnerNews[] = [];
  const [both, alone] = await Promise.all([
    learnToEnd(folder, log, { publish: true, sealAtEnd: true, onNews: (item) => news.push(item) }),
    learnToEnd(folder, log, { ranker: 'other', checkpoints: join(folder, 'others') }),
  ]);
  expect(both.counts).toMatchObject({ foreign: 0, otherDefinition: 0, unreadable: 0 });
  expect(Object.keys(both.sources)).toEqual(['small', 'other']);
  expect(Object.keys(both.sources['other']!.arms)).toEqual(['net/new']);
  expect(Object.keys(alone.sources)).toEqual(['other']);
  expect(alone.rows + 64).toBeGreaterThan(both.sources['other']!.rows);
  expect(both.rows).toBe(Object.values(both.sources).reduce((sum, { rows }) => sum + rows, 0));

  // What was sealed says it, and the learner warned of it, once.
  const [sealed] = both.sealed;
  const { manifest } = await openArtifacts(join(folder, 'models')).load('small', sealed);
  const sealedRows = (sources: Sources): number => Object.values(sources).reduce((sum, { rows }) => sum + rows, 0);
  expect(sealedRows(sourcesOf(manifest)!)).toBe(both.rows);
  const warnings = news.flatMap((item) => (item.kind === 'warning' ? [item.message] : []));
  expect(warnings).toEqual([expect.stringMatching(/small learns from arms of net that other rankers serve \(new \d+/)]);

  const killed = await fresh('killed');
  const every = { checkpointMs: 1 };
  for (const step of [2, 5])
    await expect(learnToEnd(killed, log, { engine: dyingAt(step), every })).rejects.toThrow('killed');
  await learnToEnd(killed, log);
  expect(await learnedIn(killed)).toEqual(await learnedIn(folder));
}, 240_000);
