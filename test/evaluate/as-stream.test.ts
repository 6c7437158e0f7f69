import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { openEmbeddedLog, recordOf, type EventLog } from '../../src/events/index.js';
import { openJoinedStream } from '../../src/join/index.js';
import { learnAsStream } from '../../training/evaluate/index.js';
import { collectExamples } from '../../training/fit/index.js';
import { datasetOf, hourMs, simulatedLog, smallRanker } from '../fit/world.js';
import { learningOn, linearArtifact, type Learning } from '../stream/ranker.js';
import { eventsOf } from '../stream/shown.js';
import { appendMarkers } from '../stream/markers.js';

const definition: RankerDefinition = {
  ...smallRanker({ batch: 40, optimizer: { kind: 'sgd', rate: 0.05 } }),
  labels: { click: { wait: '2m' }, watch: { wait: '2m' } },
  stream: { batch_span: '5h' },
};
/** A list that shows an item twice cannot say which of them feedback is for. */
const log = simulatedLog({ requests: 400, seed: 21 }).filter(
  ({ candidates }) => new Set(candidates.map((candidate) => candidate['item_id'])).size === candidates.length,
);
const rows = log.reduce((sum, { candidates }) => sum + candidates.length, 0);
const partitions = 3;

let folder = '';
let events: EventLog;
let artifact: LoadedArtifact;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'as-stream-'));
  artifact = await linearArtifact(definition);
  events = await openEmbeddedLog({ directory: folder, partitions, writes: ['events'] });
  const shown = eventsOf({ definition, log }).map((event) => recordOf(event, 0));
  const over = log.at(-1)!.time + 24 * hourMs;
  await events.append('events', shown);
  await appendMarkers(events, over);
});
afterAll(async () => {
  await events.close();
  await rm(folder, { recursive: true, force: true });
});

/** Everything in the log, joined and learned. */
async function learnFromLog(): Promise<Learning> {
  const learning = await learningOn(artifact);
  const stream = await openJoinedStream({ log: events, definition });
  try {
    for (let records = 0; records < 10;) {
      const joined = await stream.next({ most: 100, waitMs: 20 });
      records = joined.examples.length + joined.outcomes.length === 0 ? records + 1 : 0;
      await learning.learner.take(joined);
    }
    await learning.learner.flush();
    return learning;
  } finally {
    await stream.close();
  }
}

test('rows of files are predicted and learned to the bit as if they came through the log', async () => {
  const streamed = await learnFromLog();
  const expected = streamed.windows.newest();
  expect(expected.batch.rows).toBe(rows);

  const { ranker } = await learningOn(artifact);
  const read = await collectExamples({ definition, dataset: datasetOf(log) });
  const everything = { first: 0, end: read.spool.requests };
  const parts = await learnAsStream({ ranker, like: artifact.golden.batch, examples: read.spool.inOrder(everything) });
  await read.close();
  expect(parts.flatMap((part) => [...part])).toEqual([...expected.predicted]);
  expect(parts.length).toBeGreaterThan(rows / 40);
  const weights = async (of: typeof ranker): Promise<unknown> => [...(await of.denseState())];
  expect(await weights(ranker)).toEqual(await weights(streamed.ranker));
});
