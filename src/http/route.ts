import type { Static, TSchema } from '@sinclair/typebox';
import type { ErrorCode } from '../errors.js';
import type { Need } from '../security/index.js';
import type { Timeline } from '../telemetry/index.js';
import { bodyChecker } from './validate.js';
import type { Visit } from './visit.js';

/** One call of a route, parsed and checked. */
export interface Call<Body> {
  readonly requestId: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: Body;
  /** Told on what time is spent. */
  readonly timeline?: Timeline;
  /** Of a route where requests wait for their turn. */
  readonly visit?: Pick<Visit, 'deadline' | 'signal' | 'overloaded'>;
}

export type Reply =
  | { readonly json: unknown }
  | { readonly text: string; readonly type: string; readonly headers?: Readonly<Record<string, string>> };

/** Of bodies with one JSON value per line. */
export const linesType = 'application/x-ndjson';

/** A route as data: the application serves it and the API description documents it. */
export interface Route {
  readonly method: 'get' | 'post' | 'put';
  /** With parameters as in /v1/models/:ranker/activate. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly body?: TSchema;
  /** The body may also come as one JSON value per line (application/x-ndjson): then it is the text. */
  readonly lines?: boolean;
  /** What a 200 holds: a schema, or the media type of a text. */
  readonly answers: TSchema | string;
  readonly refuses: readonly ErrorCode[];
  /** What a key must be for; open to everybody if left out. */
  readonly role?: Need;
  /** How many candidates a body asks to rank: they count towards the limits of its key. */
  readonly candidates?: (body: unknown) => number;
  /** Requests have a deadline (X-Deadline-Ms) and wait for their turn before their body is looked at. */
  readonly takesTurns?: boolean;
  handle(call: Call<unknown>, bytes: number): Promise<Reply> | Reply;
}

/** Ties the type of the checked body to its schema. `precheck` refuses what is too large before it is looked at closely. */
export const route = <S extends TSchema>(
  description: Omit<Route, 'handle' | 'body'> & {
    readonly body?: S;
    readonly precheck?: (body: unknown) => void;
    readonly handle: (call: Call<Static<S>>) => Promise<Reply> | Reply;
  },
): Route => {
  const { handle, precheck, body, ...rest } = description;
  if (body === undefined) return { ...rest, handle: (call) => handle({ ...call, body: undefined }) };
  const check = bodyChecker(body);
  return {
    ...rest,
    body,
    handle: (call, bytes) => {
      precheck?.(call.body);
      return handle({ ...call, body: check(call.body, bytes) });
    },
  };
};
