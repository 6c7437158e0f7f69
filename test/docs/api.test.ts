import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ErrorReply } from '../../src/http/schemas.js';
import { createFeedback, createRecorder, type FeedbackOutcome, type Recorder } from '../../src/recording/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { startApp, type TestService } from '../http/client.js';
import { shelf } from '../ranking/shelf.js';
import { createMemoryLog } from '../recording/memory-log.js';

const page = readFileSync('docs/api.md', 'utf8');
const readme = readFileSync('README.md', 'utf8');

let service: TestService;
let recorder: Recorder;
beforeAll(async () => {
  const metrics = createMetrics();
  const log = createMemoryLog(1);
  recorder = createRecorder({ log, metrics, logger: silentLogger, now: Date.now, markerMs: 1e6, timeoutMs: 5000 });
  const definitions = (): [ReturnType<typeof shelf>] => [shelf()];
  const feedback = createFeedback({ recorder, definitions, metrics, now: Date.now, remembered: 1000 });
  service = await startApp({ feedback });
});
afterAll(async () => {
  await service.close();
  await recorder.close();
});

interface Example {
  readonly where: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const someEvents = ['click', 'like'].map((kind) => ({ id: `lines/${kind}`, requestId: 'r1', item: 'v1', kind }));

/** Every curl of a page: what it sends, where. A file of lines stands for some events. */
const examplesOf = (where: string, text: string): Example[] =>
  [
    ...text.matchAll(
      /curl -s (?:-X \w+ )?localhost:8080(\S+)((?: +-H '[^']+')*) +(?:-d\s+'([^']*)'|--data-binary @(\S+))/g,
    ),
  ].map(([, path = '', headers = '', body, file]) => ({
    where,
    path,
    headers: Object.fromEntries(
      [...headers.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name!, value!]),
    ),
    body: file === undefined ? (body ?? '') : someEvents.map((event) => JSON.stringify(event)).join('\n'),
  }));

const examples = [...examplesOf('docs/api.md', page), ...examplesOf('README.md', readme)];

describe('every request that is shown', () => {
  test('is found: none is written in a way that this test does not read', () => {
    const written = `${page}${readme}`.match(/curl -s\S* (?:-X \w+ )?localhost:8080\S+.*(?:-d|--data)/g) ?? [];
    expect(examples).toHaveLength(written.length);
    expect(examples.length).toBeGreaterThan(4);
  });

  test.each(examples)('in $where for $path is accepted', async ({ path, headers, body }) => {
    const answer = await service.call('POST', path, body, headers);
    expect([answer.status, answer.json.error]).toEqual([200, undefined]);
    if (path === '/v1/feedback') expect((answer.json as unknown as FeedbackOutcome).refused).toEqual([]);
  });
});

test('every refusal that is shown has the form of one', () => {
  const isError = new Ajv2020({ strict: false }).compile(ErrorReply);
  const shown = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as unknown);
  expect(shown.length).toBeGreaterThan(1);
  for (const refusal of shown) expect(isError(refusal) ? [] : isError.errors).toEqual([]);
});

interface Described {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { responses: Record<string, { description: string }> }>>>
  >;
}

/** Rows of the page’s table, from what the service says of itself. */
const rowsOf = ({ paths }: Described): string[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => {
      const codes = Object.entries(responses)
        .filter(([status]) => status !== '200')
        .flatMap(([status, { description }]) => description.split(', ').map((code) => `\`${code}\` ${status}`))
        .filter((code) => !code.startsWith('`internal`'));
      return `| \`${method.toUpperCase()} ${path}\` | ${codes.join(', ') || 'nothing'} |`;
    }),
  );

test('the refusals of each route are those of the description', async () => {
  const { json } = await service.call('GET', '/openapi.json');
  const [, table = ''] = /<!-- refusals.*?-->\n([\s\S]*?)<!-- end of refusals -->/.exec(page) ?? [];
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows).toEqual(rowsOf(json as unknown as Described));
});
