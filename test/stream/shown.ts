import { fingerprint, type RankerDefinition } from '../../src/definition/index.js';
import type { EventId, Feedback, Impression, LoggedEvent } from '../../src/events/index.js';
import { createFeatureReader, createFeatureState, type FeatureState } from '../../src/features/index.js';
import type { LoggedRequest } from '../../training/dataset/index.js';

export interface ShownOptions {
  readonly definition: RankerDefinition;
  readonly log: readonly LoggedRequest[];
  /** What the features are read with; an empty one that learns every outcome at once if left out. */
  readonly state?: FeatureState;
  /** From an impression to its feedback, by request and row; a second if left out. */
  readonly delayMs?: (request: number, row: number) => number;
  readonly version?: string;
  /** [tasks] what is said to have been served for every row. */
  readonly heads?: readonly number[];
}

/**
 * The events that a service would have logged while it showed these lists and people reacted to them, in the order of time:
 * an impression per request and feedback per positive or known label, named after the task.
 */
export function eventsOf(options: ShownOptions): LoggedEvent[] {
  const { definition, log, version = '20240101T000000Z-000000', delayMs = () => 1000 } = options;
  const tasks = Object.keys(definition.tasks);
  const state = options.state ?? createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const heads = options.heads ?? tasks.map(() => 0.5);
  const events: LoggedEvent[] = [];
  log.forEach((request, index) => {
    const { time, user, context, candidates, labels } = request;
    const requestId = request.requestId ?? `request-${index}`;
    const userId = user['user_id'] as EventId | undefined;
    events.push({
      kind: 'impression',
      time,
      requestId,
      userId,
      ranker: definition.name,
      version,
      fingerprint: fingerprint(definition),
      arms: {},
      weights: definition.score.weights,
      tasks,
      candidates: candidates.length,
      items: candidates.map((candidate, row) => ({
        id: candidate['item_id'] as EventId,
        position: request.positions[row] ?? row + 1,
        score: 1 / (row + 1),
        propensity: 1,
      })),
      heads: Float32Array.from({ length: candidates.length * tasks.length }, (_, at) => heads[at % tasks.length] ?? 0),
      fields: { user, context, candidates },
      features: reader.read([request]),
    } satisfies Impression);
    candidates.forEach((candidate, row) => {
      const ofRow: Record<string, number> = {};
      tasks.forEach((task, at) => (ofRow[task] = labels[at]?.[row] ?? Number.NaN));
      state.observe([{ time, user, context, candidate, labels: ofRow }]);
      tasks.forEach((task) => {
        const label = ofRow[task] ?? Number.NaN;
        const binary = definition.tasks[task]?.kind === 'binary';
        if (Number.isNaN(label) || (binary && label === 0)) return;
        events.push({
          kind: 'feedback',
          time: time + delayMs(index, row),
          eventId: `${requestId}/${row}/${task}`,
          requestId,
          userId,
          itemId: candidate['item_id'] as EventId,
          what: task,
          value: binary ? undefined : label,
        } satisfies Feedback);
      });
    });
  });
  return events
    .map((event, order) => ({ event, order }))
    .sort(byTime)
    .map(({ event }) => event);
}

interface Placed {
  readonly event: LoggedEvent;
  readonly order: number;
}
const byTime = (a: Placed, b: Placed): number => a.event.time - b.event.time || a.order - b.order;
