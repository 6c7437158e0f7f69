import { Type } from '@sinclair/typebox';

/** Of the service itself: what it serves, where it listens, how it answers. */
export const servingSettings = {
  models: Type.String({
    minLength: 1,
    default: 'models',
    description: 'folder of rankers and their sealed versions',
  }),
  host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address to listen on' }),
  port: Type.Integer({ minimum: 0, maximum: 65535, default: 8080, description: 'port to listen on; 0 picks one' }),
  ranker: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'the ranker used when a request names none; the only one if there is one',
    }),
  ),
  device: Type.Union([Type.Literal('auto'), Type.Literal('cpu'), Type.Literal('cuda')], {
    default: 'auto',
    description: 'where models run: auto tries CUDA and falls back to the CPU, cuda insists',
  }),
  workers: Type.Integer({ minimum: 1, maximum: 256, default: 1, description: 'threads that score, one core each' }),
  batchRows: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 128,
    description:
      'requests that wait for a thread are scored in one run up to this many candidates together; 1 joins none',
  }),
  batchWaitUs: Type.Integer({
    minimum: 0,
    maximum: 100_000,
    default: 0,
    description: 'microseconds that a run which is not full waits for more, where requests came faster than runs ended',
  }),
  deadlineMs: Type.Integer({
    minimum: 1,
    maximum: 60_000,
    default: 1000,
    description:
      'a ranking is answered within this long, in the fallback order where scores are not there by then; a request may say less or more with X-Deadline-Ms',
  }),
  queueMs: Type.Integer({
    minimum: 1,
    maximum: 60_000,
    default: 10,
    description:
      'while load is more than can be answered, rankings that would wait longer for their turn than this, and than a few rankings take, are not taken; bursts are',
  }),
  overload: Type.Union([Type.Literal('refuse'), Type.Literal('fallback')], {
    default: 'refuse',
    description:
      'what becomes of a ranking that is not taken: 503 with Retry-After, or an answer in the fallback order',
  }),
  maxCandidates: Type.Integer({
    minimum: 1,
    maximum: 5000,
    default: 1000,
    description: 'candidates allowed in one request',
  }),
  bodyLimitBytes: Type.Integer({
    minimum: 1024,
    maximum: 64 * 1024 * 1024,
    default: 4 * 1024 * 1024,
    description: 'largest request body, after decompression',
  }),
  requestTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: 300000,
    default: 10000,
    description: 'how long a client may take to send a whole request',
  }),
  keepAliveMs: Type.Integer({
    minimum: 0,
    maximum: 600000,
    default: 70000,
    description: 'how long an idle connection is kept; longer than the load balancer keeps it',
  }),
  drainDelayMs: Type.Integer({
    minimum: 0,
    maximum: 60000,
    default: 0,
    description: 'on SIGTERM: how long to stay open while not ready, so that load balancers notice',
  }),
  drainTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: 300000,
    default: 10000,
    description: 'on SIGTERM: connections still open after this are cut',
  }),
  pollMs: Type.Integer({
    minimum: 50,
    maximum: 600000,
    default: 1000,
    description: 'how often the active versions are looked up in the models folder',
  }),
  clock: Type.Union([Type.Literal('wall'), Type.Literal('requests')], {
    default: 'wall',
    description:
      'what time it is: the wall clock’s, or the largest that requests said, for simulated or past traffic (never with people)',
  }),
  logLevel: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => Type.Literal(level)),
    { default: 'info', description: 'least level that is logged' },
  ),
};
