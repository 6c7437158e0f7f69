import { fingerprint, type RankerDefinition } from '../../src/definition/index.js';
import {
  createFeatureReader,
  createFeatureState,
  encodeFeatureBatch,
  type FeatureBatch,
  type Outcome,
} from '../../src/features/index.js';
import type { Joined, JoinedExample } from '../../src/join/index.js';
import type { LoggedRequest } from '../../training/dataset/index.js';
import { SeededRandom } from '../../training/fit/random.js';

export interface Step {
  readonly time: number;
  readonly outcomes: readonly Outcome[];
  readonly example: JoinedExample | undefined;
}

export interface JoinedOptions {
  readonly definition: RankerDefinition;
  readonly log: readonly LoggedRequest[];
  readonly waitMs?: number;
  readonly change?: (example: JoinedExample, index: number) => JoinedExample;
}

/** What joining would say of these requests, event by event, in the order of time. */
export function stepsOf({ definition, log, waitMs = 1000, change = (example) => example }: JoinedOptions): Step[] {
  const tasks = Object.keys(definition.tasks);
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const steps: Step[] = [];
  log.forEach((request, index) => {
    const { time, user, context, candidates, labels } = request;
    const batch: FeatureBatch = reader.read([request]);
    const outcomes = candidates.map((candidate, row): Outcome => {
      const ofRow = Object.fromEntries(tasks.map((task, at) => [task, labels[at]![row]!]));
      return { time, user, context, candidate, labels: ofRow };
    });
    state.observe(outcomes);
    steps.push({ time, outcomes, example: undefined });
    const values = batch.rows * tasks.length;
    const example: JoinedExample = {
      partition: 0,
      sequence: index,
      time,
      matured: time + waitMs,
      requestId: `r${index}`,
      ranker: definition.name,
      version: '20240101T000000Z-000000',
      fingerprint: fingerprint(definition),
      arms: { look: index % 2 === 0 ? 'old' : 'new' },
      positions: request.positions,
      features: encodeFeatureBatch(batch),
      labels: Float32Array.from(
        { length: values },
        (_, at) => labels[at % tasks.length]![Math.floor(at / tasks.length)]!,
      ),
      served: new Float32Array(values).fill(0.5),
      feedbackTimes: Float64Array.of(time + 500),
    };
    steps.push({ time: time + waitMs, outcomes: [], example: change(example, index) });
  });
  return steps
    .map((step, at) => ({ step, at }))
    .sort((a, b) => a.step.time - b.step.time || a.at - b.at)
    .map(({ step }) => step);
}

/**
 * The steps as some run of the stream would give them out: cut anywhere, with every watermark that is possible there, and
 * empty calls between.
 */
export function cutAtRandom(steps: readonly Step[], seed: number): Joined[] {
  const random = new SeededRandom(seed);
  const calls: Joined[] = [];
  let from = 0;
  while (from < steps.length) {
    const end = Math.min(steps.length, from + random.below(40));
    const part = steps.slice(from, end);
    const last = steps[end - 1]?.time ?? -Infinity;
    const next = steps[end]?.time ?? last;
    calls.push({
      // Nothing before the next step comes any more; how much of that is known differs.
      watermark: last + (next - last) * (random.below(3) / 2),
      outcomes: part.flatMap(({ outcomes }) => outcomes),
      examples: part.flatMap(({ example }) => (example === undefined ? [] : [example])),
    });
    from = end;
  }
  return calls;
}
