import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { streamSettings } from '../../src/definition/index.js';
import { recordOf, type DeadLetter } from '../../src/events/index.js';
import { openJoinedStream, type JoinedExample } from '../../src/join/index.js';
import { SeededRandom } from '../../training/fit/random.js';
import { simulatedLog } from '../fit/world.js';
import { kills, outageMs, startCommand, stopAll, until, type Command } from './command.js';
import { logPlaces, type LogPlace } from './place.js';
import { definition, sealInto } from './sealed.js';

const seed = 11;
const places = await logPlaces();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faults-service-'));
  await sealInto(join(folder, 'models'), simulatedLog({ requests: 60 }));
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

/** What a client was promised: the event was accepted. */
interface Promised {
  readonly requestId: string;
  readonly item: number;
  readonly seconds: number;
}

/** A client that asks for lists, clicks and watches, and sends everything again until it is answered. */
class Client {
  readonly promised = new Map<string, Promised>();
  readonly #random = new SeededRandom(seed);
  readonly #name: string;
  url = '';
  stopped = false;
  #next = 0;

  constructor(name: string) {
    this.#name = name;
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      const requestId = `${this.#name}-${this.#next++}`;
      const items = Array.from({ length: 3 }, (_, place) => 3 * this.#random.below(10) + place);
      await this.#insist(
        '/v1/rank',
        { 'x-request-id': requestId },
        {
          user: { id: this.#random.below(20) },
          context: { device: 'tv' },
          candidates: items.map((id) => ({ id, length: 10 + id })),
        },
      );
      const item = items[this.#random.below(3)] as number;
      const seconds = 1 + this.#random.below(50);
      const time = Date.now();
      // Sent twice on purpose: it must count once.
      for (const again of [false, true]) {
        const event = { requestId, item, time };
        await this.#insist('/v1/feedback', {}, [
          { ...event, id: `${requestId}/click`, kind: 'click' },
          { ...event, id: `${requestId}/watch`, kind: 'watch', seconds },
        ]);
        if (again) this.promised.set(requestId, { requestId, item, seconds });
      }
    }
  }

  /** Until it is answered: a service that was killed is started again by the test. */
  async #insist(path: string, headers: Record<string, string>, body: unknown): Promise<void> {
    await until(
      async () => {
        const sent = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
        const answer = await fetch(`${this.url}${path}`, { ...sent, body: JSON.stringify(body) }).catch(
          () => undefined,
        );
        const text = await answer?.text().catch(() => undefined);
        if (answer !== undefined && answer.status < 500 && answer.status !== 200) throw new Error(text);
        return answer?.status === 200 && text !== undefined && !text.includes('"problems"');
      },
      { timeoutMs: 60_000 },
    );
  }
}

const serve = async (place: LogPlace, port: number): Promise<{ command: Command; url: string }> => {
  const command = startCommand([
    'serve',
    ...['--models', join(folder, 'models'), '--store', join(folder, 'store'), ...place.flags(folder)],
    ...['--port', String(port), '--log-level', 'info'],
  ]);
  await until(() => /"url":"http:[^"]+"/.test(command.output()), { of: command });
  const url = /"url":"(http:[^"]+)"/.exec(command.output())?.[1] ?? '';
  return { command, url };
};

describe.each(places)('a service with $name that is killed at random', (place) => {
  beforeAll(() => place.start(), 180_000);
  afterAll(() => place.stop(), 60_000);

  test(`${kills} times (seed ${seed}) keeps every event that it accepted, and each counts once`, async () => {
    const random = new SeededRandom(seed, 1);
    const client = new Client('killed');
    const first = await serve(place, 0);
    let { command } = first;
    client.url = first.url;
    const port = Number(new URL(first.url).port);
    const asking = client.run();
    for (let kill = 0; kill < kills; kill++) {
      const before = client.promised.size;
      await until(() => client.promised.size > before + 5, { timeoutMs: 60_000, of: command });
      await new Promise((resolve) => setTimeout(resolve, random.below(300)));
      await command.kill();
      ({ command } = await serve(place, port));
    }
    const last = client.promised.size;
    await until(() => client.promised.size > last + 5, { of: command });
    client.stopped = true;
    await asking;
    await command.kill('SIGTERM');
    const orphans = await checkPromises(place, client);
    expect(client.promised.size).toBeGreaterThan(5 * kills);
    // An answer does not wait for its impression to be on disk: of the lists answered in the instant before a kill the
    // impression may be missing, and then the feedback is a dead letter, once: accepted, kept, and said why.
    expect(orphans).toBeLessThanOrEqual(kills);
  }, 600_000);

  const { outage } = place;
  if (outage !== undefined) {
    test(`goes on while the log is away for ${outageMs} ms, and loses nothing`, async () => {
      const client = new Client('away');
      const { command, url } = await serve(place, 0);
      client.url = url;
      const asking = client.run();
      await until(() => client.promised.size > 5, { of: command });
      await outage.begin();
      const before = client.promised.size;
      await new Promise((resolve) => setTimeout(resolve, outageMs));
      expect(client.promised.size).toBeGreaterThan(before + 5);
      await outage.end();
      const after = client.promised.size;
      await until(() => client.promised.size > after + 5, { of: command });
      client.stopped = true;
      await asking;
      const spooled = async (): Promise<number> => {
        const text = await (await fetch(`${url}/metrics`)).text();
        return Number(/^watchnext_spool_records\S* (\d+)/m.exec(text)?.[1] ?? Number.NaN);
      };
      await until(async () => (await spooled()) === 0, { of: command });
      await command.kill('SIGTERM');
      expect(await checkPromises(place, client)).toBe(0);
    }, 300_000);
  }
});

/** Holds the log against what the client was promised; answers of how many lists the impression is missing. */
const checkPromises = async (place: LogPlace, { promised }: Client): Promise<number> => {
  const end = await letTimePass(place);
  const { examples, letters } = await joined(place, end);
  const ofRequest = new Map(examples.map((example) => [example.requestId, example]));
  expect(examples).toHaveLength(ofRequest.size);
  const orphans = [...promised.values()].filter(({ requestId }) => !ofRequest.has(requestId));
  for (const { requestId, seconds } of promised.values()) {
    const example = ofRequest.get(requestId);
    if (example === undefined) continue;
    const [clicks, watched] = [0, 1].map((task) => [...example.labels].filter((_, at) => at % 2 === task));
    expect({ requestId, clicks: clicks?.filter((label) => label === 1).length }).toEqual({ requestId, clicks: 1 });
    expect({ requestId, watched: watched?.filter((label) => !Number.isNaN(label)) }).toEqual({
      requestId,
      watched: [seconds],
    });
  }
  expect(letters.length).toBeGreaterThanOrEqual(2 * orphans.length);
  return orphans.length;
};

let hoursAhead = 0;
/** Markers far ahead, further each time, so that no list waits for more feedback; answers their time. */
const letTimePass = async (place: LogPlace): Promise<number> => {
  const log = await place.open(folder, ['events']);
  hoursAhead += 1;
  const time = Date.now() + 3_600_000 * hoursAhead;
  const partitions = await log.partitions('events');
  const markers = Array.from({ length: partitions }, (_, partition) => recordOf({ kind: 'marker', time }, partition));
  await log.append('events', markers);
  await log.close();
  return time;
};

/** All that the log says until its markers. */
const joined = async (place: LogPlace, end: number): Promise<{ examples: JoinedExample[]; letters: DeadLetter[] }> => {
  const log = await place.open(folder);
  const letters: DeadLetter[] = [];
  const stream = await openJoinedStream({ log, definition, onDeadLetter: (letter) => void letters.push(letter) });
  const examples: JoinedExample[] = [];
  const { outOfOrderMs } = streamSettings(definition);
  for (let watermark = -Infinity; watermark < end - outOfOrderMs;) {
    const part = await stream.next({ most: 1000, waitMs: 50 });
    examples.push(...part.examples);
    watermark = part.watermark;
  }
  await stream.close();
  await log.close();
  return { examples, letters };
};
