import type { MetricArea } from './types.js';

const ranker = 'its name';
const head = 'task of the ranker';
const version =
  'sealed version that served the rows, its deltas with it: the last 3; learner: its own predictions before it learned';

/** Of `watchnext learn`, at its --metrics-port: only who joins feedback to what was shown knows how good it was. */
export const learnerMetrics = {
  watchnext_learner_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { ranker },
    help: 'How long ago everything in the event log was read: event time behind the wall clock; with --by-event-time, behind what is newest in the log.',
    act: 'Rising: events come faster than they are learned, or the log cannot be read; see the rates and the log lines.',
  },
  watchnext_learner_events_total: {
    kind: 'counter',
    unit: 'events',
    labels: { ranker },
    help: 'Records of the event log that were read.',
    act: 'Standing still while people are served: the log is away, or this process hangs.',
  },
  watchnext_learner_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: { ranker },
    help: 'Rows learned, since learning began at a version that was trained from files.',
    act: 'Standing still while events are read: everything is passed over (watchnext_learner_passed_over_total) or waits for its labels.',
  },
  watchnext_learner_passed_over_total: {
    kind: 'counter',
    unit: 'requests',
    labels: { ranker, reason: ['older', 'foreign', 'other_definition', 'other_arms', 'unreadable'] },
    help: 'Requests that were not learned from: known already, of other rankers, definitions or arms, or not to be read.',
    act: 'other_definition: the service serves a version of another definition; activate one of this.',
  },
  watchnext_learner_loss: {
    kind: 'gauge',
    unit: 'loss',
    labels: { ranker, head },
    help: 'Mean loss of the last batch before it was learned.',
    act: 'Jumps are noise of one batch; a rise that stays goes with watchnext_head_normalised_entropy.',
  },
  watchnext_learner_not_finite_total: {
    kind: 'counter',
    unit: 'batches',
    labels: { ranker },
    help: 'Batches that taught nothing because a loss was no number; five in a row end the learner.',
    act: 'Any: extreme values in the feedback, or too large a training.progressive_rate.',
  },
  watchnext_learner_checkpoint_age_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { ranker },
    help: 'Since the last checkpoint was on disk, or the process started.',
    act: 'Far above stream.checkpoint in ranker.yaml: the disk is slow or full. Killed now, it would learn all since then again.',
  },
  watchnext_learner_checkpoint_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { ranker, part: ['pause', 'all'] },
    help: 'How long the last checkpoint took: all of it, and the pause in which learning waited.',
    act: 'Rises with the tables. pause near stream.publish: make checkpoints less often.',
  },
  watchnext_learner_publications_total: {
    kind: 'counter',
    unit: 'publications',
    labels: { ranker, what: ['update', 'version'], outcome: ['published', 'refused', 'paused'] },
    help: 'Updates and versions by what became of them: published, refused by the gate, paused (another version is active).',
    act: 'refused: the gate’s reason is in the log and in GET /v1/models; the service goes on with what it has. paused for long: activate the learner’s version, or start it again at the active one.',
  },
  watchnext_learner_retreats_total: {
    kind: 'counter',
    unit: 'retreats',
    labels: { ranker },
    help: 'Times that what was published served worse than what was before and was taken back.',
    act: 'Any: look at what people did at that time; more often: tighten stream.gate.',
  },
  watchnext_learner_warnings_total: {
    kind: 'counter',
    unit: 'warnings',
    labels: { ranker },
    help: 'What the learner warned of: a log that is away, an update or version that could not be written, mixed arms.',
    act: 'Its output has each in words.',
  },
  watchnext_learner_dead_letters_total: {
    kind: 'counter',
    unit: 'events',
    labels: { ranker },
    help: 'Events that could not be joined and lie in the topic dead-letters.',
    act: '`watchnext log tail --topic dead-letters` shows each with its reason.',
  },
  watchnext_learner_version_info: {
    kind: 'gauge',
    unit: '1',
    labels: { ranker, version: 'what was published last, without its deltas' },
    help: '1 for the version that the learner goes on from.',
    act: 'Other than watchnext_active_version_info of the service for longer than a poll interval: another version was activated, or its own was refused.',
  },
  watchnext_head_auc: {
    kind: 'gauge',
    unit: 'share of pairs in the right order',
    labels: { ranker, head, version },
    help: 'Area under the ROC curve over the last stream.window rows; of binary heads.',
    act: 'Falling for every version: people or features changed. Falling for the newest alone: roll back to the one before.',
  },
  watchnext_head_calibration_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    labels: { ranker, head, version },
    help: 'Mean prediction divided by mean label, over the same rows; 1 is right.',
    act: 'Outside 0.8 to 1.25 for long: labels come late or not at all (see watchnext_feedback_total), or the version is old.',
  },
  watchnext_head_normalised_entropy: {
    kind: 'gauge',
    unit: 'ratio',
    labels: { ranker, head, version },
    help: 'Log loss divided by that of always saying the mean (of regressions: squared error by variance); below 1 is better than that.',
    act: 'Above 1: the head is worse than a constant; roll back.',
  },
  watchnext_head_rows: {
    kind: 'gauge',
    unit: 'rows',
    labels: { ranker, head, version },
    help: 'Rows with a label that these are measured on.',
    act: 'Under some thousand they move by chance.',
  },
} as const satisfies MetricArea;

/** Of `watchnext join`, at its --metrics-port. */
export const joinerMetrics = {
  watchnext_join_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: { ranker },
    help: 'Event time up to which examples are written, behind the wall clock.',
    act: 'Rising: feedback comes faster than it is joined; share the partitions among more processes (--partitions).',
  },
  watchnext_join_records_total: {
    kind: 'counter',
    unit: 'events',
    labels: { ranker },
    help: 'Records of the event log that were read.',
    act: 'Standing still while people are served: the log is away.',
  },
  watchnext_join_events_total: {
    kind: 'counter',
    unit: 'events',
    labels: {
      ranker,
      kind: [
        'impressions',
        'feedback',
        'examples',
        'late',
        'duplicate',
        'orphaned',
        'strange',
        'far_ahead',
        'unreadable',
      ],
    },
    help: 'What was joined: impressions and feedback in, examples out, and feedback that could not be used as it came.',
    act: 'orphaned, strange, far_ahead and unreadable lie in the topic dead-letters with their reason; late rising: raise the wait of the labels.',
  },
} as const satisfies MetricArea;
