import { afterEach, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { noExperiments, type Experiments } from '../../src/experiments/index.js';
import { createRanking } from '../../src/ranking/index.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { modelOf, ranking } from '../ranking/shelf.js';
import { startApp, type Answer, type TestService } from './client.js';

const experiments: Experiments = {
  ...noExperiments,
  assign: ({ userId }) => ({
    arms: userId === undefined ? {} : { look: 'bold' },
    settings: { exploration: { swaps: 1 } },
    exposed: [],
  }),
  status: () => ({
    source: 'experiments.json',
    loadedAt: '2026-05-01T00:00:00.000Z',
    experiments: [{ key: 'look', phase: '2', arms: ['plain', 'bold'] }],
    refused: { at: '2026-05-02T00:00:00.000Z', problems: ['/features: must be an object'] },
  }),
};

let service: TestService;
afterEach(() => service.close());
const start = async (): Promise<void> => {
  const bench = ranking(modelOf());
  const rank = createRanking({
    ...bench,
    logger: silentLogger,
    now: () => 1000,
    record: () => undefined,
    experiments,
  });
  service = await startApp({ bench: { ...bench, rank }, experiments });
};
/** Whether an answer is as the API description says. */
const problems = async (path: string, method: string, answer: Answer): Promise<unknown> => {
  const { json: api } = await service.call('GET', '/openapi.json');
  const { paths, components } = api as unknown as {
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
    >;
    components: object;
  };
  const { schema } = paths[path]![method]!.responses[answer.status]!.content['application/json']!;
  const validate = new Ajv2020({ strict: false }).compile({ ...schema, components });
  return validate(answer.json) ? [] : validate.errors;
};
const candidates = [1, 2, 3].map((id) => ({ id, quality: id }));

describe('GET /v1/experiments', () => {
  test('says what runs, since when, and why the newest configuration was not taken', async () => {
    await start();
    const answer = await service.call('GET', '/v1/experiments');
    expect(answer).toMatchObject({ status: 200, json: experiments.status() });
    expect(await problems('/v1/experiments', 'get', answer)).toEqual([]);
  });

  test('says that nothing is configured', async () => {
    service = await startApp();
    const answer = await service.call('GET', '/v1/experiments');
    expect(answer.json).toEqual({ source: 'none', loadedAt: null, experiments: [] });
    expect(await problems('/v1/experiments', 'get', answer)).toEqual([]);
  });
});

test('an answer has its arms, why there are none, and how its order was varied', async () => {
  await start();
  const inArm = await service.call('POST', '/v1/rank', { user: { id: 'u1', taste: 0.1 }, candidates });
  expect(inArm.json).toMatchObject({
    arms: { look: 'bold' },
    exploration: { share: 0, temperature: 1, swaps: 1, drawn: 'swap', swap: { position: expect.any(Number) } },
  });
  const nobody = await service.call('POST', '/v1/rank', { candidates });
  expect(nobody.json).toMatchObject({ arms: {}, unassigned: 'no_user' });
  const trying = await service.call('POST', '/v1/rank', { user: { id: 'u1' }, candidates, weights: { click: 2 } });
  expect(trying.json).toMatchObject({ arms: {}, unassigned: 'weights' });
  for (const answer of [inArm, nobody, trying]) expect(await problems('/v1/rank', 'post', answer)).toEqual([]);
});
