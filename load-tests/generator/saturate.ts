import type { Client } from './client.js';
import { cpuSeconds } from './offer.js';
import { emptyRecording, type Recording } from './recording.js';

/**
 * Closed loop: so many askers, each of which asks again when it is answered. Good for one question alone, how many requests a
 * second a service can answer; latencies under a given load come from {@link offerLoad}.
 */
export const saturate = async (options: {
  readonly client: Client;
  readonly bodies: readonly Buffer[];
  readonly askers: number;
  readonly seconds: number;
}): Promise<Recording> => {
  const { client, bodies, askers, seconds } = options;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const now = (): number => performance.now() - start;
  const asked: { due: number; ended: number; status: number; mark: number }[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: askers }, async () => {
      while (now() < 1000 * seconds) {
        const due = now();
        const { status, mark } = await client.send(bodies[next++ % bodies.length] ?? Buffer.alloc(0));
        asked.push({ due, ended: now(), status, mark });
        // Who is refused comes back later, not at once.
        if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }),
  );
  asked.sort((a, b) => a.due - b.due);
  const recording = emptyRecording(Float64Array.from(asked, ({ due }) => due));
  recording.startedAtMs = performance.timeOrigin + start;
  asked.forEach(({ due, ended, status, mark }, request) => {
    recording.reachedMs[request] = due;
    recording.endedMs[request] = status > 0 ? ended : NaN;
    recording.status[request] = status;
    recording.mark[request] = mark;
  });
  recording.cpuSeconds = cpuSeconds(cpu);
  return recording;
};
