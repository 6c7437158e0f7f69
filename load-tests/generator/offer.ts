import type { Client } from './client.js';
import { emptyRecording, type Recording } from './recording.js';

export interface OfferOptions {
  readonly client: Client;
  /** Sent in turn. */
  readonly bodies: readonly Buffer[];
  /** When each request is due, in milliseconds from the start, ascending. */
  readonly dueMs: Float64Array;
  /** How long answers are waited for after the last request was due. */
  readonly patienceMs: number;
}

/** Node's timers are a millisecond coarse: within the last one it looks at the clock again and again. */
const timerMs = 1;
/** Beyond this many requests a second that would cost the processor that the service needs. */
const closestGapMs = 2;

/**
 * Open loop: every request is sent when it is due, whether or not those before it were answered, and its time runs from when
 * it was due. A service that stands still for half a second is charged with it once for every request of that half second; a
 * closed loop would see a single slow one (coordinated omission).
 */
export const offerLoad = async (options: OfferOptions): Promise<Recording> => {
  const { client, bodies, dueMs, patienceMs } = options;
  const recording = emptyRecording(dueMs);
  const cpu = process.cpuUsage();
  const start = performance.now();
  recording.startedAtMs = performance.timeOrigin + start;
  const now = (): number => performance.now() - start;
  let answered = 0;
  let allAnswered = (): void => undefined;

  const send = (request: number): void => {
    recording.reachedMs[request] = now();
    void client.send(bodies[request % bodies.length] ?? Buffer.alloc(0)).then(({ status, mark }) => {
      recording.endedMs[request] = status > 0 ? now() : NaN;
      recording.status[request] = status;
      recording.mark[request] = mark;
      if (++answered === dueMs.length) allAnswered();
    });
  };
  for (let request = 0; request < dueMs.length; request++) {
    const due = dueMs[request] ?? 0;
    const precise = due - (dueMs[request - 1] ?? 0) >= closestGapMs;
    for (let left = due - now(); left > 0; left = due - now())
      await (left > timerMs || !precise ? sleep(left - (precise ? timerMs : 0)) : turn());
    send(request);
  }
  if (answered < dueMs.length)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      allAnswered = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  recording.cpuSeconds = cpuSeconds(cpu);
  return recording;
};

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Of this process since then. */
export const cpuSeconds = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};
