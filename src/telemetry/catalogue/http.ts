import { latencyBuckets, type MetricArea } from './types.js';

/** Requests, whatever they ask for. */
export const httpMetrics = {
  watchnext_ready: {
    kind: 'gauge',
    unit: '0 or 1',
    labels: {},
    help: '1 while the service takes traffic, 0 before and while draining.',
    act: 'GET /readyz says why not. While it starts or drains, nothing; else a ranker has no version that passed verification: see GET /v1/models and activate another.',
  },
  watchnext_http_requests_total: {
    kind: 'counter',
    unit: 'requests',
    labels: { route: 'the pattern of the route, never the path; unknown if there is none', status: 'of HTTP' },
    help: 'Answered requests by route and HTTP status.',
    act: '5xx rising: the error log has each with its requestId. 4xx rising: a client changed; its answers say what is wrong.',
  },
  watchnext_http_request_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: { route: ['/v1/rank', '/v1/feedback', '/v1/items', '/v1/users', 'other'] },
    help: 'Time from the request’s headers to the end of its answer.',
    act: 'Rising on /v1/rank: watchnext_rank_stage_seconds says which part; rising on all routes: the event loop is busy or the machine is.',
    buckets: latencyBuckets,
  },
} as const satisfies MetricArea;
