import type { MetricArea } from './types.js';

/** Keys, and who was let in. */
export const securityMetrics = {
  watchnext_access_open: {
    kind: 'gauge',
    unit: '0 or 1',
    labels: {},
    help: '1 while there are no keys, so that whoever reaches the service may rank and send feedback.',
    act: '1 where the address can be reached from elsewhere: make keys (watchnext key create) and name their file with --keys-file.',
  },
  watchnext_keys_stale: {
    kind: 'gauge',
    unit: '0 or 1',
    labels: {},
    help: '1 while the keys file is broken or gone, so that earlier keys go on: what was revoked since is not.',
    act: 'The error log says what is wrong with the file; mend it.',
  },
  watchnext_key_requests_total: {
    kind: 'counter',
    unit: 'requests',
    labels: {
      key: 'its name, of the first twenty that are used; other for more; empty for requests without a key that counts',
      outcome: [
        'admitted',
        'missing',
        'unknown',
        'expired',
        'forbidden',
        'limited_requests',
        'limited_concurrent',
        'limited_candidates',
      ],
    },
    help: 'Requests that needed a key: let in, or why not. Over its candidates a request was let in first and counts twice.',
    act: 'limited_*: the client sends more than its key allows; raise its limits in the keys file or slow it down. missing or unknown rising: a client has lost its key, or somebody tries. expired: make a new key.',
  },
} as const satisfies MetricArea;
