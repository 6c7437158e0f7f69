import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openKafkaLog, openSpooledLog, type SpooledLog } from '../../src/events/index.js';
import { startFakeBroker, type FakeBroker } from './kafka-fake-broker.js';
import { createFolder, everything, keyed, textOf } from './spool-logs.js';

let broker: FakeBroker;
let folder: ReturnType<typeof createFolder>;
let spooled: SpooledLog;

beforeEach(async () => {
  broker = await startFakeBroker(1);
  folder = createFolder();
  const log = await openKafkaLog({ brokers: [broker.address], timeoutMs: 20_000, queue: { records: 5 } });
  spooled = await openSpooledLog({ log, spool: await folder.open('spool', 1), maxBytes: 1 << 20 });
});
afterEach(async () => {
  await spooled.close();
  await broker.close();
  folder.remove();
});

test('more than the queue to Kafka has room for is spooled, in the order of the calls of a user', async () => {
  await spooled.append('events', [keyed('user', '0')]);
  // The third call does not fit; the fourth would.
  const calls = [['1', '2'], ['3', '4'], ['5', '6'], ['7']];
  await Promise.all(
    calls.map((values) =>
      spooled.append(
        'events',
        values.map((value) => keyed('user', value)),
      ),
    ),
  );
  expect((await everything(spooled, 'events', 8)).map(textOf)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
});
