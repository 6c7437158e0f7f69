import type { MetricArea } from './types.js';

/** Versions and the threads that score with them. */
export const inferenceMetrics = {
  watchnext_scorer_device: {
    kind: 'gauge',
    unit: '0 or 1',
    labels: { device: ['cpu', 'cuda'] },
    help: '1 for the device that models run on: cpu or cuda.',
    act: 'cpu on a machine with a GPU: the log says at start why CUDA could not be used; --device cuda insists.',
  },
  watchnext_scorer_in_flight: {
    kind: 'gauge',
    unit: 'batches',
    labels: {},
    help: 'Batches handed to the workers and not yet answered.',
    act: 'Above the number of workers for long: they are saturated.',
  },
  watchnext_active_version_info: {
    kind: 'gauge',
    unit: '1',
    labels: { ranker: 'its name', version: 'the one that serves' },
    help: '1 for the version that serves each ranker.',
    act: 'For joining others by version, and to mark swaps in plots. Replicas that differ for longer than the poll interval: one cannot read the models folder.',
  },
  watchnext_pinned_versions: {
    kind: 'gauge',
    unit: 'versions',
    labels: { ranker: 'its name', state: ['serves', 'refused'] },
    help: 'Versions that arms name, beside the active one: those that serve and those that were refused.',
    act: 'refused above 0: an arm of an experiment has no model and its users get the usual one; GET /v1/models has the reason.',
  },
  watchnext_swaps_total: {
    kind: 'counter',
    unit: 'swaps',
    labels: { ranker: 'its name', outcome: ['swapped', 'refused'] },
    help: 'Changes of the serving version: swapped, or refused because verification failed.',
    act: 'refused: the version before serves on; GET /v1/models has the reason. Seal or activate another.',
  },
  watchnext_deltas_total: {
    kind: 'counter',
    unit: 'changes',
    labels: { ranker: 'its name', outcome: ['applied', 'refused', 'withdrawn'] },
    help: 'Changes by deltas of the serving version: applied (all that waited), refused, withdrawn.',
    act: 'refused: what serves stays as it is and grows old; withdrawn: the learner took back what it published, its log says why.',
  },
  watchnext_delta_sequence: {
    kind: 'gauge',
    unit: 'deltas',
    labels: { ranker: 'its name' },
    help: 'How many deltas the serving version has, 0 as it was sealed.',
    act: 'Standing still while a learner runs: it publishes nothing (its metrics say why) or they are refused here.',
  },
  watchnext_learned_rows: {
    kind: 'gauge',
    unit: 'rows',
    labels: { ranker: 'its name', arm: 'experiment/arm of the requests' },
    help: 'Rows that the serving version had learned from the stream when it was sealed, by experiment/arm of their requests.',
    act: 'An arm that should not be learned from has rows: see stream.arms in ranker.yaml.',
  },
} as const satisfies MetricArea;
