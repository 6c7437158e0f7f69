import type { Feedback, Impression, LoggedEvent } from '../../src/events/index.js';
import { parseDefinition, type RankerDefinition } from '../../src/definition/index.js';
import { impression } from '../events/events.js';
import { drawsOf } from './statistics/draws.js';

export const dayMs = 86_400_000;
export const start = Date.UTC(2026, 4, 1);

export interface ExperimentWorld {
  readonly seed: number;
  readonly users: number;
  /** By arm: the factor on what is watched after exposure. The first is the control. */
  readonly arms: Readonly<Record<string, number>>;
  /** Parts of the users; equal if left out. */
  readonly shares?: readonly number[];
  readonly days?: number;
  /** Part of the users who were there in the week before. */
  readonly known?: number;
  readonly experiment?: string;
  readonly phase?: string;
}

const feedbackOf = (shown: Impression, what: string, value: number | undefined, item = 0): Feedback => ({
  kind: 'feedback',
  time: shown.time + 5000,
  eventId: `${shown.requestId}-${what}-${item}`,
  requestId: shown.requestId,
  userId: shown.userId,
  itemId: shown.items[item]!.id,
  what,
  value,
});

/**
 * The events of an audience: every user has a taste that lasts, is answered one list a day, clicks by it and watches what they
 * click; under an arm they watch as much more as it says. In the order of time.
 */
export const experimentEvents = (world: ExperimentWorld): LoggedEvent[] => {
  const { seed, users, arms, days = 6, known = 0.7, experiment = 'longer', phase = '1' } = world;
  const names = Object.keys(arms);
  const shares = world.shares ?? names.map(() => 1 / names.length);
  const draws = drawsOf(seed);
  const events: LoggedEvent[] = [];
  for (let user = 0; user < users; user++) {
    const userId = `u${user}`;
    const place = draws.uniform();
    const arm = names.find((_, i) => place < shares.slice(0, i + 1).reduce((sum, share) => sum + share, 0))!;
    const taste = 0.2 + 0.6 * draws.uniform();
    const begins = start + Math.floor(draws.uniform() * 3) * dayMs + Math.floor(draws.uniform() * dayMs);
    const there = draws.uniform() < known;
    events.push({ kind: 'exposure', time: begins, userId, experiment, arm, phase });
    for (let day = there ? -5 : 0; day < days; day++) {
      const time = begins + day * dayMs;
      if (time >= start + days * dayMs) break;
      const shown = impression({
        time,
        requestId: `${experiment}-${phase}-${userId}-${day}`,
        userId,
        items: ['a', 'b'],
        arms: day < 0 ? {} : { [experiment]: arm },
        fields: { user: {}, context: {}, candidates: [{ duration: 100 }, { duration: 200 }] },
      });
      events.push(shown);
      for (const item of [0, 1]) {
        if (draws.uniform() >= taste) continue;
        events.push(feedbackOf(shown, 'click', undefined, item));
        const seconds = 60 * (0.5 + draws.uniform()) * (day < 0 ? 1 : arms[arm]!);
        events.push(feedbackOf(shown, 'watch', seconds, item));
      }
    }
  }
  return events.sort((a, b) => a.time - b.time);
};

/** Metrics of every kind, over the events above. */
export const metricsDefinition = (metrics?: string): RankerDefinition =>
  parseDefinition(`name: films
features:
  item_id: {kind: id, scope: candidate, dim: 4}
  duration: {kind: number, scope: candidate}
  odd: {kind: number, scope: candidate, from: 'length, "in~s/s" '}
tasks:
  click: {kind: binary, label: clicked}
  watch: {kind: regression, label: seconds, transform: log1p}
network: {kind: independent}
score: {form: sum, weights: {click: 1}}
${metrics === undefined ? '' : `metrics:\n${metrics}`}
`);
