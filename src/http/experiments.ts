import type { Experiments } from '../experiments/index.js';
import { route, type Route } from './route.js';
import { ExperimentsReply } from './schemas.js';

/** Which experiments run, for people and dashboards. */
export const experimentsRoute = (experiments: Experiments): Route =>
  route({
    method: 'get',
    path: '/v1/experiments',
    summary: 'Experiments that run, and whether the newest configuration was taken',
    answers: ExperimentsReply,
    refuses: [],
    role: 'any',
    handle: () => {
      const { loadedAt, refused, ...status } = experiments.status();
      return { json: { ...status, loadedAt: loadedAt ?? null, ...(refused !== undefined && { refused }) } };
    },
  });
