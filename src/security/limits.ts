import { createBucket, type Bucket } from './bucket.js';
import type { KeyLimits } from './types.js';

/** Why a key may not be used just now. */
export interface Exceeded {
  readonly limit: 'requests' | 'concurrent' | 'candidates';
  readonly retryAfterMs: number;
}

/** What one key has used of its limits. */
export interface Usage {
  /** Takes a request in, or says why not; `leave` must follow what was taken in. */
  enter(): Exceeded | undefined;
  leave(): void;
  /** Takes candidates of a request that is in. */
  spend(candidates: number): Exceeded | undefined;
  /** The RateLimit fields of an answer; empty where requests are not limited. */
  headers(): Readonly<Record<string, string>>;
}

/** Where all places are taken, nobody knows when one is free: a short wait. */
const busyRetryMs = 1000;

/** `now` is monotonic, in milliseconds. */
export const createUsage = (limits: KeyLimits, now: () => number): Usage => {
  const { requestsPerSecond, burst, concurrent = Infinity, candidatesPerSecond } = limits;
  const requests = bucketOf(requestsPerSecond, burst, now);
  const candidates = bucketOf(candidatesPerSecond, undefined, now);
  let inside = 0;
  return {
    enter: () => {
      if (inside >= concurrent) return { limit: 'concurrent', retryAfterMs: busyRetryMs };
      const retryAfterMs = requests?.bucket.take(1) ?? 0;
      if (retryAfterMs > 0) return { limit: 'requests', retryAfterMs };
      inside++;
      return undefined;
    },
    leave: () => {
      inside--;
    },
    spend: (amount) => {
      const retryAfterMs = candidates?.bucket.take(amount) ?? 0;
      return retryAfterMs > 0 ? { limit: 'candidates', retryAfterMs } : undefined;
    },
    headers: () => (requests === undefined ? {} : rateLimitFields(requests)),
  };
};

interface Limited {
  readonly bucket: Bucket;
  readonly capacity: number;
  readonly windowSeconds: number;
}

const bucketOf = (perSecond: number | undefined, burst: number | undefined, now: () => number): Limited | undefined => {
  if (perSecond === undefined) return undefined;
  const capacity = burst ?? Math.max(1, Math.ceil(perSecond));
  const bucket = createBucket({ perSecond, capacity, now });
  return { bucket, capacity, windowSeconds: Math.max(1, Math.ceil(capacity / perSecond)) };
};

/** As draft-ietf-httpapi-ratelimit-headers names them: quota q within a window of w seconds; r left, full again after t seconds. */
const rateLimitFields = ({ bucket, capacity, windowSeconds }: Limited): Record<string, string> => ({
  'RateLimit-Policy': `"requests";q=${capacity};w=${windowSeconds}`,
  RateLimit: `"requests";r=${bucket.left};t=${Math.ceil(bucket.fullInMs / 1000)}`,
});
