import type { Rankers, RankerStatus } from '../inference/index.js';
import { route, type Route } from './route.js';
import { ActivateBody, ModelsReply, RankerReply } from './schemas.js';

/** What serves, and changing it. */
export const modelRoutes = (rankers: Rankers): Route[] => [
  route({
    method: 'get',
    path: '/v1/models',
    summary: 'Rankers, their versions and which one serves',
    answers: ModelsReply,
    refuses: [],
    role: 'any',
    handle: async () => ({ json: { rankers: (await rankers.list()).map(published) } }),
  }),
  route({
    method: 'post',
    path: '/v1/models/:ranker/activate',
    summary: 'Serve this version',
    description: 'Answers when the version serves. If it cannot be verified, the one before keeps serving.',
    body: ActivateBody,
    answers: RankerReply,
    refuses: ['ranker_unknown', 'artifact_missing', 'artifact_damaged'],
    role: 'admin',
    handle: async ({ parameters, body }) => ({
      json: published(await rankers.activate(parameters.ranker ?? '', body.version)),
    }),
  }),
  route({
    method: 'post',
    path: '/v1/models/:ranker/rollback',
    summary: 'Serve the version before',
    answers: RankerReply,
    refuses: ['ranker_unknown', 'artifact_missing', 'artifact_damaged'],
    role: 'admin',
    handle: async ({ parameters }) => ({ json: published(await rankers.rollback(parameters.ranker ?? '')) }),
  }),
];

const published = ({ active, ...status }: RankerStatus): object => ({ ...status, active: active ?? null });
