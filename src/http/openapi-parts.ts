import { longestDeadlineMs } from './visit.js';

/** What operations of the API description share, by name: they refer to it. */
export const parameters = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description: 'letters, digits, "_", "." and "-", up to 128; where it is missing or of another form, one is made',
    schema: { type: 'string' },
  },
  DeadlineMs: {
    name: 'X-Deadline-Ms',
    in: 'header',
    required: false,
    description:
      'milliseconds from now until the answer is of no use; then it comes in the fallback order, or is refused',
    schema: { type: 'integer', minimum: 1, maximum: longestDeadlineMs },
  },
  Traceparent: {
    name: 'traceparent',
    in: 'header',
    required: false,
    description:
      'W3C trace context: where the service sends traces, the request goes on with this one, and is traced if that is; one of another form is passed over',
    schema: { type: 'string' },
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
};

export const headers = {
  RequestId: {
    required: true,
    description: 'of this request, as the body and the log say it',
    schema: { type: 'string', minLength: 1, maxLength: 128 },
  },
  RetryAfter: {
    description: 'seconds after which it is worth trying again, where that is known',
    schema: { type: 'integer', minimum: 1 },
  },
  Authenticate: { required: true, schema: { type: 'string', const: 'Bearer' } },
  RateLimitPolicy: {
    description: 'where requests of the key are limited: q of them within w seconds',
    schema: { type: 'string', pattern: '^"requests";q=\\d+;w=\\d+$' },
  },
  RateLimit: {
    description: 'where requests of the key are limited: r are left, and all of them again in t seconds',
    schema: { type: 'string', pattern: '^"requests";r=\\d+;t=\\d+$' },
  },
};

export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'an API key' },
  key: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'an API key' },
};

const refer = (kind: string, name: string): { readonly $ref: string } => ({ $ref: `#/components/${kind}/${name}` });
export const parameter = (name: keyof typeof parameters): object => refer('parameters', name);
export const header = (name: keyof typeof headers): object => refer('headers', name);
