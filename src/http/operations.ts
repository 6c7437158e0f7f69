import { WatchnextError } from '../errors.js';
import type { Metrics } from '../telemetry/index.js';
import { route, type Route } from './route.js';
import { StatusReply } from './schemas.js';

/** Whether traffic should come here. */
export interface Readiness {
  /** Why not, in words for people; undefined when ready. */
  notReady(): string | undefined;
}

/** Probes and metrics. */
export const operationRoutes = (
  readiness: Readiness,
  metrics: Metrics,
  { metricsKey }: { readonly metricsKey: boolean },
): Route[] => [
  route({
    method: 'get',
    path: '/healthz',
    summary: 'Is the process alive?',
    answers: StatusReply,
    refuses: [],
    handle: () => ({ json: { status: 'ok' } }),
  }),
  route({
    method: 'get',
    path: '/readyz',
    summary: 'Should traffic come here?',
    description: '503 until every ranker serves a verified version, and again while draining.',
    answers: StatusReply,
    refuses: ['not_ready'],
    handle: () => {
      const reason = readiness.notReady();
      if (reason !== undefined) throw new WatchnextError('not_ready', `Not ready: ${reason}.`);
      return { json: { status: 'ready' } };
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    summary: 'Prometheus metrics',
    answers: metrics.contentType,
    refuses: [],
    ...(metricsKey && { role: 'any' as const }),
    handle: async () => ({ text: await metrics.scrape(), type: metrics.contentType }),
  }),
];
