import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openEmbeddedLog, recordOf, type DeadLetter } from '../../src/events/index.js';
import { openJoinedStream, type JoinedExample } from '../../src/join/index.js';
import { SeededRandom } from '../../training/fit/random.js';
import { simulatedLog } from '../fit/world.js';
import { kills, startCommand, stopAll, until, type Command } from './command.js';
import { definition, sealInto } from './sealed.js';

const seed = 11;
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
  url = '';
  stopped = false;
  #next = 0;

  async run(): Promise<void> {
    while (!this.stopped) {
      const requestId = `list-${this.#next++}`;
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

const serve = async (port: number): Promise<{ command: Command; url: string }> => {
  const command = startCommand([
    'serve',
    ...['--models', join(folder, 'models'), '--store', join(folder, 'store'), '--log-directory', join(folder, 'log')],
    ...['--port', String(port), '--log-level', 'info'],
  ]);
  await until(() => /"url":"http:[^"]+"/.test(command.output()), { of: command });
  const url = /"url":"(http:[^"]+)"/.exec(command.output())?.[1] ?? '';
  return { command, url };
};

describe('a service that is killed at random', () => {
  test(`${kills} times (seed ${seed}) keeps every event that it accepted, and each counts once`, async () => {
    const random = new SeededRandom(seed, 1);
    const client = new Client();
    const first = await serve(0);
    let { command } = first;
    client.url = first.url;
    const port = Number(new URL(first.url).port);
    const asking = client.run();
    for (let kill = 0; kill < kills; kill++) {
      const before = client.promised.size;
      await until(() => client.promised.size > before + 5, { timeoutMs: 60_000, of: command });
      await new Promise((resolve) => setTimeout(resolve, random.below(300)));
      await command.kill();
      ({ command } = await serve(port));
    }
    const last = client.promised.size;
    await until(() => client.promised.size > last + 5, { of: command });
    client.stopped = true;
    await asking;
    await command.kill('SIGTERM');
    await letTimePass(join(folder, 'log'));

    const { examples, letters } = await joined(join(folder, 'log'));
    const ofRequest = new Map(examples.map((example) => [example.requestId, example]));
    expect(examples).toHaveLength(ofRequest.size);
    expect(client.promised.size).toBeGreaterThan(5 * kills);
    const orphans = [...client.promised.values()].filter(({ requestId }) => !ofRequest.has(requestId));
    for (const { requestId, seconds } of client.promised.values()) {
      const example = ofRequest.get(requestId);
      if (example === undefined) continue;
      const [clicks, watched] = [0, 1].map((task) => [...example.labels].filter((_, at) => at % 2 === task));
      expect({ requestId, clicks: clicks?.filter((label) => label === 1).length }).toEqual({ requestId, clicks: 1 });
      expect({ requestId, watched: watched?.filter((label) => !Number.isNaN(label)) }).toEqual({
        requestId,
        watched: [seconds],
      });
    }
    // An answer does not wait for its impression to be on disk: of the lists answered in the instant before a kill the
    // impression may be missing, and then the feedback is a dead letter, once: accepted, kept, and said why.
    expect(orphans.length).toBeLessThanOrEqual(kills);
    expect(letters.length).toBe(2 * orphans.length);
  }, 600_000);
});

/** Markers far ahead, so that no list waits for more feedback. */
const letTimePass = async (directory: string): Promise<void> => {
  const log = await openEmbeddedLog({ directory, writes: ['events'] });
  const time = Date.now() + 3_600_000;
  const partitions = await log.partitions('events');
  const markers = Array.from({ length: partitions }, (_, partition) => recordOf({ kind: 'marker', time }, partition));
  await log.append('events', markers);
  await log.close();
};

/** All that the log says, to its end. */
const joined = async (directory: string): Promise<{ examples: JoinedExample[]; letters: DeadLetter[] }> => {
  const log = await openEmbeddedLog({ directory });
  const letters: DeadLetter[] = [];
  const stream = await openJoinedStream({ log, definition, onDeadLetter: (letter) => void letters.push(letter) });
  const examples: JoinedExample[] = [];
  for (let quiet = 0; quiet < 3;) {
    const part = await stream.next({ most: 1000, waitMs: 50 });
    examples.push(...part.examples);
    quiet = part.examples.length + part.outcomes.length > 0 ? 0 : quiet + 1;
  }
  await stream.close();
  await log.close();
  return { examples, letters };
};
