import { setPriority } from 'node:os';
import { SeededRandom } from '../../src/random.js';
import { arrivalTimesMs } from './arrivals.js';
import { rankBodies } from './bodies.js';
import { createClient } from './client.js';
import { offerLoad } from './offer.js';
import { expectedRequests } from './phases.js';
import type { Plan, Said, Told } from './plan.js';
import { marks, type Recording } from './recording.js';
import { saturate } from './saturate.js';

/** The generator as a process of its own: is told a plan, prepares all requests, is told where to, answers what became of them. */
const say = (said: Said): void => void process.send?.(said);

/** Where it is allowed: who measures on the machine of the measured must not be late because that is busy. */
const goFirst = (): void => {
  try {
    setPriority(-10);
  } catch {
    // Not allowed: then lateness says how late it was.
  }
};

const prepare = (plan: Plan): ((urls: readonly string[]) => Promise<Recording>) => {
  const { load, audience, seed, connections, timeoutMs } = plan;
  const client = (urls: readonly string[]) => createClient({ urls, path: '/v1/rank', connections, timeoutMs, marks });
  if (load.kind === 'closed') {
    const bodies = rankBodies(audience, Infinity, seed);
    return (urls) => saturate({ client: client(urls), bodies, askers: load.askers, seconds: load.seconds });
  }
  const { phases, arrivals } = load;
  const dueMs = arrivalTimesMs({ phases, process: arrivals, random: new SeededRandom(seed, 2) });
  const bodies = rankBodies(audience, expectedRequests(phases), seed);
  return (urls) => offerLoad({ client: client(urls), bodies, dueMs, patienceMs: timeoutMs });
};

let run: ReturnType<typeof prepare> | undefined;
process.on('message', (told: Told) => {
  if ('plan' in told) {
    run = prepare(told.plan);
    say('prepared');
    return;
  }
  void run?.(told.urls).then((recording) => {
    process.send?.({ recording } satisfies Said, () => process.disconnect());
    process.exitCode = 0;
  });
});
process.once('disconnect', () => process.exit());
goFirst();
say('up');
