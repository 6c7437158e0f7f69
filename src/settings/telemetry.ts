import { Type } from '@sinclair/typebox';

/** What it says of itself: metrics, log lines and traces. */
export const telemetrySettings = {
  metricsPort: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'port for /metrics and /healthz alone, over HTTP and without a key; 0 picks one; none if left out',
    }),
  ),
  metricsHost: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address that metricsPort listens on' }),
  accessLog: Type.Union([Type.Literal('off'), Type.Literal('debug'), Type.Literal('info')], {
    default: 'debug',
    description: 'level of the line that is logged for every answered request',
  }),
  accessLogRatio: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'share of the answered requests that have such a line; those that fail (5xx) or are slow always have',
  }),
  slowRequestMs: Type.Integer({
    minimum: 1,
    maximum: 3_600_000,
    default: 1000,
    description: 'a request that takes longer is logged as a warning, with the time of each stage',
  }),
  otlpEndpoint: Type.Optional(
    Type.String({
      pattern: '^https?://\\S+$',
      description: 'where traces go (OTLP over HTTP, JSON), such as http://localhost:4318; none are made if left out',
    }),
  ),
  otlpHeaders: Type.Optional(
    Type.String({
      pattern: '^[^=,\\s]+=[^,]+(,[^=,\\s]+=[^,]+)*$',
      description: 'headers for it as name=value, with commas between them; better in the environment than as a flag',
      secret: true,
    }),
  ),
  traceRatio: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0.01,
    description: 'share of the requests that are traced; one that comes with a traceparent follows that instead',
  }),
};
