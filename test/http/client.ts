import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { noExperiments } from '../../src/experiments/index.js';
import { createApp, createMessageClasses, type AppDependencies } from '../../src/http/index.js';
import { refuseFeedback } from '../../src/recording/index.js';
import { openAccess, type AccessOptions } from '../../src/security/index.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { modelOf, ranking, type Bench } from '../ranking/shelf.js';

export interface AnswerBody {
  readonly requestId: string;
  readonly error: {
    readonly code: string;
    readonly retriable: boolean;
    readonly problems: readonly { readonly path: string; readonly message: string; readonly hint?: string }[];
  };
  readonly items: readonly { readonly id: unknown; readonly heads: Readonly<Record<string, number>> }[];
  readonly warnings?: readonly { readonly field: string; readonly where: string; readonly message: string }[];
  readonly routes: readonly string[];
  readonly paths: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The fields that tests look at; which of them are there depends on the route. */
  readonly json: AnswerBody;
}

export interface TestService extends Bench {
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  readonly readiness: { reason: string | undefined; draining: boolean };
  readonly port: number;
  close(): Promise<void>;
}

type TestSettings = AppDependencies['settings'] & Pick<AccessOptions, 'host' | 'adminKey' | 'keysFile'>;

/** The application on a free port of loopback, with a client. A body that is a text or bytes is sent as it is. */
export const startApp = async (
  options: {
    settings?: Partial<TestSettings>;
    bench?: Bench;
    logger?: AppDependencies['logger'];
    feedback?: AppDependencies['feedback'];
    experiments?: AppDependencies['experiments'];
    clock?: AppDependencies['clock'];
    tracer?: AppDependencies['tracer'];
  } = {},
): Promise<TestService> => {
  const bench = options.bench ?? ranking(modelOf());
  const readiness = { reason: undefined as string | undefined, draining: false, notReady: () => readiness.reason };
  const settings: TestSettings = {
    host: '127.0.0.1',
    maxCandidates: 1000,
    bodyLimitBytes: 4_000_000,
    metricsKey: false,
    ...{ workers: 1, deadlineMs: 60_000, queueMs: 10, overload: 'refuse' as const },
    ...options.settings,
  };
  const logger = options.logger ?? silentLogger;
  const feedback = options.feedback ?? refuseFeedback;
  const experiments = options.experiments ?? noExperiments;
  const access = await openAccess({ ...settings, logger, metrics: bench.metrics, now: Date.now });
  const messages = createMessageClasses();
  const server = createServer(
    messages,
    createApp({
      ...{ messages, ...bench, feedback, experiments, readiness, access, settings, logger, version: '0.0.0' },
      ...(options.clock && { clock: options.clock }),
      ...(options.tracer && { tracer: options.tracer }),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const call: TestService['call'] = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const all = { ...type, ...headers };
      const request = send({ port, host: '127.0.0.1', method, path, headers: all, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = /json/.test(response.headers['content-type'] ?? '') && text !== '';
          const json = (isJson ? JSON.parse(text) : undefined) as AnswerBody;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      });
      request.on('error', reject);
      if (body === undefined) request.end();
      else request.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
    });
  return {
    ...bench,
    port,
    call,
    readiness,
    close: async () => {
      await access.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
