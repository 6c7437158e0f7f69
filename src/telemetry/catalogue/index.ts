import { eventsMetrics } from './events.js';
import { experimentsMetrics } from './experiments.js';
import { httpMetrics } from './http.js';
import { inferenceMetrics } from './inference.js';
import { joinerMetrics, learnerMetrics } from './learner.js';
import { liveMetrics } from './live.js';
import { loadMetrics } from './load.js';
import { processMetrics } from './process.js';
import { qualityMetrics } from './quality.js';
import { rankingMetrics } from './ranking.js';
import { securityMetrics } from './security.js';
import { storeMetrics } from './store.js';
import type { MetricSpec } from './types.js';

/**
 * Every metric: name, kind, unit, labels, what it says and what to do when it moves; one file per area. docs/metrics.md is
 * written from this by `watchnext metrics --markdown`.
 */
export const metricCatalogue = {
  ...httpMetrics,
  ...securityMetrics,
  ...rankingMetrics,
  ...storeMetrics,
  ...loadMetrics,
  ...inferenceMetrics,
  ...liveMetrics,
  ...eventsMetrics,
  ...experimentsMetrics,
  ...qualityMetrics,
  ...processMetrics,
  ...learnerMetrics,
  ...joinerMetrics,
} as const;

/** Which process measures it. */
export type MetricOwner = 'service' | 'learner' | 'joiner';

export interface CatalogueSection {
  readonly title: string;
  readonly about: string;
  readonly of: readonly MetricOwner[];
  readonly metrics: Readonly<Record<string, MetricSpec>>;
}

/** The catalogue in the order of its page. */
export const catalogueSections: readonly CatalogueSection[] = [
  { title: 'Requests', about: 'Of every route.', of: ['service'], metrics: httpMetrics },
  { title: 'Keys', about: 'Who is let in.', of: ['service'], metrics: securityMetrics },
  { title: 'Ranking', about: 'From candidates to an order.', of: ['service'], metrics: rankingMetrics },
  { title: 'Store', about: 'Fields of items and users that were put before.', of: ['service'], metrics: storeMetrics },
  {
    title: 'Load',
    about: 'What waits, what is joined and what is turned away.',
    of: ['service'],
    metrics: loadMetrics,
  },
  { title: 'Scoring', about: 'Versions, and the threads that score.', of: ['service'], metrics: inferenceMetrics },
  {
    title: 'Freshness',
    about: 'What the service has learned, and what it knows of the log.',
    of: ['service'],
    metrics: liveMetrics,
  },
  { title: 'Events', about: 'On the way to the event log.', of: ['service'], metrics: eventsMetrics },
  { title: 'Experiments', about: 'Who is asked into which.', of: ['service'], metrics: experimentsMetrics },
  {
    title: 'Quality',
    about:
      'What was shown, held against the profile that was sealed with the version (versions sealed before there was one have ' +
      'none of these). How good it was only feedback can tell: see the learner.',
    of: ['service'],
    metrics: qualityMetrics,
  },
  {
    title: 'Process',
    about: 'Of every process that has metrics; scoring threads only of the service.',
    of: ['service', 'learner', 'joiner'],
    metrics: processMetrics,
  },
  {
    title: 'Learner',
    about: 'Of `watchnext learn --metrics-port`. Where no learner runs, nobody knows how good the scores were.',
    of: ['learner'],
    metrics: learnerMetrics,
  },
  { title: 'Joiner', about: 'Of `watchnext join --metrics-port`.', of: ['joiner'], metrics: joinerMetrics },
];

type Catalogue = typeof metricCatalogue;
export type MetricName = keyof Catalogue;
export type MetricKind = MetricSpec['kind'];
export type MetricOf<K extends MetricKind> = {
  [N in MetricName]: Catalogue[N]['kind'] extends K ? N : never;
}[MetricName];
export type LabelsOf<N extends MetricName> = Readonly<Record<keyof Catalogue[N]['labels'], string>>;
export const metricSpec = (name: MetricName): MetricSpec => metricCatalogue[name];
export type { MetricSpec } from './types.js';
/** What one kind of process measures. */
export const metricNames = (owner: MetricOwner): readonly MetricName[] =>
  catalogueSections
    .filter(({ of }) => of.includes(owner))
    .flatMap(({ metrics }) => Object.keys(metrics) as MetricName[]);
