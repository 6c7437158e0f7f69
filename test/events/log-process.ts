/**
 * A process of its own for the tests of the embedded log, which they may kill. It says what it does on standard output,
 * one line each: `write` appends batches of ten for ever and prints how many records are durable; `read` prints how many it
 * has read and checked, up to a number; `hold` opens the log for writing and waits; `fill` appends until that fails, prints how,
 * removes a file to make room, appends once more and prints the offsets that there are.
 */
import { rmSync } from 'node:fs';
import { openEmbeddedLog } from '../../src/events/index.js';

const [what, directory = '', most = '0'] = process.argv.slice(2);
const filler = most;
const say = (text: string | number): void => void process.stdout.write(`${text}\n`);
/** 20 KB, so that records take pages of their own and a commit takes long enough to be hit. */
const valueOf = (i: number): Uint8Array => new Uint8Array(i % 10 === 0 ? 20_000 : 100).fill(i % 251);

if (what === 'write') {
  const log = await openEmbeddedLog({ directory });
  let next = (await log.bounds('events'))[0]?.next ?? 0;
  for (;;) {
    const records = Array.from({ length: 10 }, (_, i) => ({ partition: 0, time: next + i, value: valueOf(next + i) }));
    await log.append('events', records);
    next += 10;
    say(next);
  }
} else if (what === 'read') {
  const log = await openEmbeddedLog({ directory });
  const reader = await log.reader('events', { from: 'start' });
  let count = 0;
  while (count < Number(most)) {
    for (const { offset, time, value } of await reader.next({ most: 100, waitMs: 1000 })) {
      const expected = valueOf(count);
      const same = value.length === expected.length && value.every((byte, i) => byte === expected[i]);
      if (offset !== count || time !== count || !same) throw new Error(`record ${count} is not as it was written`);
      count++;
    }
  }
  say(count);
  await log.close();
} else if (what === 'fill') {
  const log = await openEmbeddedLog({ directory });
  const records = Array.from({ length: 10 }, (_, i) => ({ partition: 0, time: i, value: new Uint8Array(20_000) }));
  const append = (): Promise<unknown> => log.append('events', records).catch((error: unknown) => error);
  let durable = 0;
  let failure = await append();
  for (; failure === undefined; failure = await append()) durable += records.length;
  say(JSON.stringify({ failure, durable, next: (await log.bounds('events'))[0]?.next }));
  rmSync(filler);
  await log.append('events', records);
  const reader = await log.reader('events', { from: 'start' });
  const offsets: number[] = [];
  while (offsets.length < durable + records.length)
    offsets.push(...(await reader.next({ most: 100, waitMs: 1000 })).map(({ offset }) => offset));
  say(JSON.stringify(offsets));
  await log.close();
} else {
  await openEmbeddedLog({ directory, writes: ['events'] }).then(
    () => say('holds'),
    (error: unknown) => say(JSON.stringify(error)),
  );
  setInterval(() => undefined, 1000);
}
