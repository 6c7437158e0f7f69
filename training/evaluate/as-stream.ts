import { fingerprint, labelRules, type RankerDefinition } from '../../src/definition/index.js';
import {
  createFeatureState,
  encodeFeatureBatch,
  requestStarts,
  selectRequests,
  type FeatureBatch,
} from '../../src/features/index.js';
import type { JoinedExample } from '../../src/join/index.js';
import type { Examples, ResumedRanker } from '../fit/index.js';
import { createLearner } from '../stream/index.js';

export interface AsStreamOptions {
  /** Learns. */
  readonly ranker: ResumedRanker;
  /** Any feature batch of the ranker. */
  readonly like: FeatureBatch;
  /** In the order of time. */
  readonly examples: AsyncIterable<Examples> | Iterable<Examples>;
}

/**
 * What the learner would have predicted of rows of a log in files, each before it learned it, [rows, tasks] in parts: they
 * go through the very learner of the stream, as if the log had been joined to them.
 */
export const learnAsStream = async ({ ranker, like, examples }: AsStreamOptions): Promise<Float32Array[]> => {
  const definition = withFinalLabels(ranker.definition);
  const predicted: Float32Array[] = [];
  const learner = createLearner({
    ranker: { ...ranker, definition },
    // What the features saw is in the examples: state has nothing to add.
    state: createFeatureState(definition),
    windows: { add: (judged) => predicted.push(judged.predicted) },
    like,
  });
  let sequence = 0;
  for await (const part of examples) {
    const joined = joinedExamples(definition, { part, sequence });
    sequence += joined.length;
    await learner.take({ watermark: -Infinity, outcomes: [], examples: joined });
  }
  await learner.flush();
  return predicted;
};

/** Rows of files have their labels, whenever they came: nothing is learned twice. */
const withFinalLabels = (definition: RankerDefinition): RankerDefinition => ({
  ...definition,
  labels: Object.fromEntries(
    Object.keys(definition.tasks).map((task) => [task, { ...definition.labels?.[task], late: 'ignore' as const }]),
  ),
});

const joinedExamples = (
  definition: RankerDefinition,
  { part, sequence }: { readonly part: Examples; readonly sequence: number },
): JoinedExample[] => {
  const { batch, labels, positions, times } = part;
  const tasks = Object.keys(definition.tasks).length;
  const starts = requestStarts(batch);
  const waitMs = Math.max(...labelRules(definition).map((rule) => rule.waitMs));
  const named = { partition: 0, ranker: definition.name, version: '', fingerprint: fingerprint(definition), arms: {} };
  return Array.from(times, (time, request): JoinedExample => {
    const [first, end] = [starts[request] ?? 0, starts[request + 1] ?? 0];
    return {
      ...named,
      sequence: sequence + request,
      time,
      matured: time + waitMs,
      requestId: String(sequence + request),
      positions: positions.slice(first, end),
      features: encodeFeatureBatch(selectRequests(batch, [request])),
      labels: labels.slice(first * tasks, end * tasks),
      served: new Float32Array((end - first) * tasks).fill(Number.NaN),
      feedbackTimes: new Float64Array(),
    };
  });
};
