import type { MetricArea } from './types.js';

/** What is shown to people, beside what was usual where the version was trained. */
export const qualityMetrics = {
  watchnext_score_mean: {
    kind: 'gauge',
    unit: 'that of the head: a probability, seconds, ...',
    labels: { ranker: 'its name', head: 'task of the ranker' },
    help: 'Mean value of a head over a sample of what was shown in the last 10 minutes.',
    act: 'Compare with the profile of `watchnext inspect`; jumps at a swap show how much the new version differs.',
  },
  watchnext_score_quantile: {
    kind: 'gauge',
    unit: 'that of the head',
    labels: { ranker: 'its name', head: 'task of the ranker', quantile: ['0.1', '0.5', '0.9'] },
    help: 'Quantiles of a head over the same sample, between the deciles of training.',
    act: 'As watchnext_score_mean; 0.1 and 0.9 close to each other: the head hardly tells candidates apart.',
  },
  watchnext_score_drift: {
    kind: 'gauge',
    unit: 'population stability index',
    labels: { ranker: 'its name', head: 'task of the ranker' },
    help: 'How far the values of a head are from those on the rows that the version was trained on; absent below 500 rows.',
    act: 'By a rule of thumb under 0.1 is nothing, 0.1 to 0.25 worth a look, above 0.25 another population: see watchnext_feature_drift for which input moved, then the calibration at the learner.',
  },
  watchnext_feature_drift: {
    kind: 'gauge',
    unit: 'population stability index',
    labels: { ranker: 'its name', feature: 'its name: the ten that moved most, of the first 40 of the definition' },
    help: 'How far the values of a feature, missing ones among them, are from those that the version was trained on; absent below 500 values.',
    act: 'As watchnext_score_drift. With watchnext_feature_problems_total{problem="missing"} rising: a client stopped sending it; without: the people or the catalogue changed, train on newer data.',
  },
  watchnext_drift_rows: {
    kind: 'gauge',
    unit: 'rows',
    labels: { ranker: 'its name' },
    help: 'Rows in the sample that these are measured on.',
    act: 'Small: little traffic; what is measured on it moves by chance.',
  },
} as const satisfies MetricArea;
