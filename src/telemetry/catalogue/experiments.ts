import type { MetricArea } from './types.js';

/** Who is asked into which experiment. */
export const experimentsMetrics = {
  watchnext_experiments_running: {
    kind: 'gauge',
    unit: 'experiments',
    labels: {},
    help: 'Experiments that users can fall into now.',
    act: 'Other than what you started: GET /v1/experiments says what runs.',
  },
  watchnext_experiments_stale: {
    kind: 'gauge',
    unit: '0 or 1',
    labels: {},
    help: '1 while the newest experiments cannot be read or were refused, so that earlier ones apply (or none).',
    act: 'Mend the file or the host; GET /v1/experiments has the reason.',
  },
  watchnext_experiments_loads_total: {
    kind: 'counter',
    unit: 'loads',
    labels: { outcome: ['applied', 'refused', 'unavailable'] },
    help: 'Experiments that were applied, refused, or unavailable (file gone, host away).',
    act: 'refused or unavailable rising: as watchnext_experiments_stale.',
  },
  watchnext_experiments_unassigned_total: {
    kind: 'counter',
    unit: 'requests',
    labels: { reason: ['no_user', 'weights', 'user_unreadable', 'arm_unavailable', 'failed'] },
    help: 'Requests that no experiment could take: no_user, weights (its own), user_unreadable, arm_unavailable, or failed.',
    act: 'arm_unavailable: an arm’s version does not serve (watchnext_pinned_versions); user_unreadable: the store fails; both bias the comparison.',
  },
  watchnext_arm_rankings_total: {
    kind: 'counter',
    unit: 'rankings',
    labels: { experiment: 'its key', arm: 'its key' },
    help: 'Rankings answered under each arm, fallbacks and previews included.',
    act: 'Shares far from the split: `watchnext experiment report` tests it (sample ratio).',
  },
  watchnext_exposures_total: {
    kind: 'counter',
    unit: 'users',
    labels: { experiment: 'its key' },
    help: 'Users who were first ranked under an arm, as far as this service knows.',
    act: 'Standing still soon after the start: the experiment reaches nobody new.',
  },
} as const satisfies MetricArea;
