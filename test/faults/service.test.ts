import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SeededRandom } from '../../training/fit/random.js';
import { simulatedLog } from '../fit/world.js';
import { Client } from './client.js';
import { kills, outageMs, stopAll } from './command.js';
import { logPlaces, type LogPlace } from './place.js';
import { checkPromises } from './promises.js';
import { sealInto } from './sealed.js';
import { metricAt, startServing } from './serving.js';
import { until } from '../until.js';

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

const serve = (place: LogPlace, port: number) =>
  startServing([
    ...['--models', join(folder, 'models'), '--store', join(folder, 'store'), ...place.flags(folder)],
    ...['--port', String(port)],
  ]);

describe.each(places)('a service with $name that is killed at random', (place) => {
  beforeAll(() => place.start(), 180_000);
  afterAll(() => place.stop(), 60_000);

  test(`${kills} times (seed ${seed}) keeps every event that it accepted, and each counts once`, async () => {
    const random = new SeededRandom(seed, 1);
    const client = new Client('killed', seed);
    const first = await serve(place, 0);
    let { command } = first;
    client.urls = [first.url];
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
    const orphans = await checkPromises(place, folder, client.promised);
    expect(client.promised.size).toBeGreaterThan(5 * kills);
    // An answer does not wait for its impression to be on disk: of the lists answered in the instant before a kill the
    // impression may be missing, and then the feedback is a dead letter, once: accepted, kept, and said why.
    expect(orphans).toBeLessThanOrEqual(kills);
  }, 600_000);

  const { outage } = place;
  if (outage !== undefined) {
    test(`goes on while the log is away for ${outageMs} ms, and loses nothing`, async () => {
      const client = new Client('away', seed);
      const { command, url } = await serve(place, 0);
      client.urls = [url];
      const asking = client.run();
      await until(() => client.promised.size > 5, { of: command });
      await outage.begin();
      const before = client.promised.size;
      await new Promise((resolve) => setTimeout(resolve, outageMs));
      // While it is still away.
      await until(() => client.promised.size > before + 5, { of: command });
      await outage.end();
      const after = client.promised.size;
      await until(() => client.promised.size > after + 5, { of: command });
      client.stopped = true;
      await asking;
      await until(async () => (await metricAt(url, /^watchnext_spool_records\S* (\d+)/m)) === 0, { of: command });
      await command.kill('SIGTERM');
      expect(await checkPromises(place, folder, client.promised)).toBe(0);
    }, 300_000);
  }
});
