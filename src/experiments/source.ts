import { readFile } from 'node:fs/promises';
import { WatchnextError } from '../errors.js';
import { readPayloadFile } from './configuration.js';
import type { PayloadText } from './last-good.js';

/** Where experiments come from. */
export type ExperimentSource =
  | {
      readonly file: string;
      /** Keeps what has been running over restarts, so that a change made meanwhile is noticed. */
      readonly lastGood?: string;
    }
  | {
      /** Of GrowthBook’s API or its proxy, such as https://cdn.growthbook.io. */
      readonly host: string;
      readonly clientKey: string;
      /** Where the last good payload is kept on disk: what a start without the host begins with. */
      readonly lastGood: string;
      /** A file of testers: `{userId: {experiment: arm}}`. */
      readonly testers?: string;
    };

/** Reads the newest payload. Throws `experiments_invalid` if it cannot be read. */
export interface PayloadReader {
  /** For people. */
  readonly called: string;
  read(signal: AbortSignal): Promise<PayloadText>;
}

export const payloadReader = (source: ExperimentSource, timeoutMs: number): PayloadReader =>
  'file' in source ? fileReader(source.file) : hostReader(source, timeoutMs);

const fileReader = (file: string): PayloadReader => ({
  called: file,
  read: async () => ({ payload: await readPayloadFile(file) }),
});

const hostReader = (
  { host, clientKey, testers }: Extract<ExperimentSource, { host: string }>,
  timeoutMs: number,
): PayloadReader => {
  const called = host.replace(/(?<!\/)\/+$/, '');
  const url = `${called}/api/features/${encodeURIComponent(clientKey)}`;
  let known: { readonly etag: string; readonly payload: string } | undefined;

  const fetchPayload = async (signal: AbortSignal): Promise<string> => {
    const response = await fetch(url, {
      headers: { accept: 'application/json', ...(known !== undefined && { 'if-none-match': known.etag }) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (response.status === 304 && known !== undefined) return known.payload;
    const payload = await response.text();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    const etag = response.headers.get('etag');
    known = etag === null ? undefined : { etag, payload };
    return payload;
  };

  return {
    called,
    read: async (signal) => {
      const payload = await fetchPayload(signal).catch((cause: unknown) => {
        throw new WatchnextError('experiments_invalid', `${called} gave no experiments`, {
          problems: [
            {
              path: called,
              message: reasonOf(cause),
              hint: 'check the host and the client key of the SDK connection; what applied before goes on',
            },
          ],
          cause,
        });
      });
      if (testers === undefined) return { payload };
      // Ending an experiment must not wait for a file of testers: one that cannot be read is as if it were empty.
      return { payload, testers: await readFile(testers, 'utf8').catch(() => '') };
    },
  };
};

/** Fetch says “fetch failed” and keeps the reason. */
const reasonOf = (error: unknown): string => {
  const { cause, message, name } = error as Error & { cause?: { message?: string; code?: string } };
  if (name === 'TimeoutError') return 'did not answer in time';
  return cause === undefined ? message : `cannot be reached: ${cause.message || cause.code || message}`;
};
