import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseTable } from '../../src/embeddings/index.js';
import { recordOf, type NewRecord } from '../../src/events/index.js';
import { openCheckpoints } from '../../training/stream/checkpoint.js';
import { SeededRandom } from '../../training/fit/random.js';
import { hourMs, simulatedLog, worldStart } from '../fit/world.js';
import { appendMarkers } from '../stream/markers.js';
import { eventsOf } from '../stream/shown.js';
import { kills, startCommand, stopAll } from './command.js';
import { logPlaces, type LogPlace } from './place.js';
import { definition, sealInto } from './sealed.js';
import { until } from '../until.js';

const seed = 5;
const known = 60;
/** Enough that learning it takes longer than being killed now and then. */
const requests = 400 * Math.max(3, kills);
let folder = '';
let records: readonly NewRecord[] = [];
const places = await logPlaces();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faults-learner-'));
  const log = simulatedLog({ requests: known + requests });
  const version = await sealInto(join(folder, 'models'), log.slice(0, known));
  const start = worldStart + known * hourMs;
  const streamed = log.slice(known).map((request, index) => ({ ...request, time: start + 50 * index }));
  records = eventsOf({ definition, log: streamed, version, delayMs: (_, row) => 500 + 300 * row }).map((event) =>
    recordOf(event, 0),
  );
}, 240_000);
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

/** Learns in a process of its own; `name` has versions and checkpoints for itself, the log is shared. */
const learn = (place: LogPlace, name: string, ...flags: string[]) =>
  startCommand([
    ...['learn', definition.name, '--models', join(folder, name), '--checkpoints', join(folder, `${name}-checkpoints`)],
    ...place.flags(folder),
    ...['--json', '--log-level', 'error', ...flags],
  ]);

const learnToTheEnd = async (place: LogPlace, name: string): Promise<Record<string, unknown>> => {
  const command = learn(place, name, '--until-end');
  const { code } = await command.ended;
  if (code !== 0) throw new Error(command.output());
  return JSON.parse(command.output().trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
};

/** Everything that was learned, as a hash per part. What is still to be published is not part of it. */
const learned = async (name: string): Promise<Record<string, string>> => {
  const checkpoints = await openCheckpoints({
    directory: join(folder, `${name}-checkpoints`),
    onDamaged: (error) => {
      throw error;
    },
  });
  const last = await checkpoints.latest();
  await checkpoints.close();
  if (last === undefined) throw new Error('There is no checkpoint.');
  const { model, state, windows, stream, facts } = last;
  const parts: [string, Uint8Array][] = [
    ...[...model.dense].map(([key, { buffer, byteOffset, byteLength }]): [string, Uint8Array] => [
      `dense ${key}`,
      new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
    ]),
    ...[...model.tables].map(([key, bytes]): [string, Uint8Array] => {
      const table = parseTable(bytes);
      table.takeChanges();
      return [`table ${key}`, table.serialise()];
    }),
    ['state', state],
    ['windows', windows],
    ['joining', Buffer.concat(stream)],
    ['place', Buffer.from(JSON.stringify({ ...facts.place, learned: undefined }))],
  ];
  return Object.fromEntries(parts.map(([key, bytes]) => [key, createHash('sha256').update(bytes).digest('hex')]));
};

describe.each(places)('a learner on $name that is killed at random', (place) => {
  beforeAll(() => place.start(), 180_000);
  afterAll(() => place.stop(), 60_000);

  test(`${kills} times (seed ${seed}), while events come, learns the same to the bit as one that is not`, async () => {
    const random = new SeededRandom(seed);
    const [killed, whole] = ['killed', 'whole'].map((name) => `${name}-${places.indexOf(place)}`) as [string, string];
    for (const name of [killed, whole]) await cp(join(folder, 'models'), join(folder, name), { recursive: true });
    const log = await place.open(folder, ['events']);
    let sent = 0;
    const send = async (share: number): Promise<void> => {
      const end = Math.ceil(records.length * share);
      if (end > sent) await log.append('events', records.slice(sent, end));
      sent = Math.max(sent, end);
    };
    for (let kill = 0; kill < kills; kill++) {
      const command = learn(place, killed);
      await send((kill + 0.5) / kills);
      await until(() => command.output().includes('"started"'), { of: command });
      await send((kill + 1) / kills);
      await new Promise((resolve) => setTimeout(resolve, random.below(2500)));
      await command.kill();
    }
    await appendMarkers(log, worldStart + 10_000 * hourMs);
    await log.close();
    const report = await learnToTheEnd(place, killed);
    const uninterrupted = await learnToTheEnd(place, whole);

    expect(report['place']).toMatchObject({ counts: { unreadable: 0, notFinite: 0 } });
    expect((report['place'] as { counts: unknown }).counts).toEqual(
      (uninterrupted['place'] as { counts: unknown }).counts,
    );
    expect(await learned(killed)).toEqual(await learned(whole));
  }, 900_000);
});
