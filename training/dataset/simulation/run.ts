import type { Fields } from '../../../src/features/index.js';
import type { WorldFeedback } from './feedback.js';
import type { WorldEntity, WorldService } from './service.js';
import { createTally, type Tally, type Truth, type Visit } from './tally.js';
import { catalogueDays, type Video } from './videos.js';
import { createWorld, type World, type WorldOptions, type WorldRequest } from './world.js';

export interface RunWorldOptions extends WorldOptions {
  readonly seed: number;
  readonly days: number;
  /** Goes on with a world that was run before it: 0 if left out. */
  readonly firstDay?: number;
  /** Requests at once; changes nothing but how long it takes. 1 if left out. */
  readonly concurrency?: number;
  /**
   * Visits within so long are ranked beside each other, before any of them says what they did; 30 s if left out. No
   * event reaches the log later than this, in event time: `stream.out_of_order` of the ranker should be as long.
   */
  readonly roundMs?: number;
  /** What people do so long after the last day is still told, and the clock ends there; 6 hours if left out. */
  readonly tailMs?: number;
  /** Put before the numbers of requests, so that worlds of one log differ; `w<seed>-` if left out. */
  readonly requestPrefix?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, visits: number) => void;
  /** In the order of the world. */
  readonly onVisit?: (visit: Visit) => void;
  readonly onDay?: (day: WorldDay) => void;
  /** After the clock was said and before anybody visits: here a study lets a learner catch up. */
  readonly onRound?: (time: number) => Promise<void> | void;
}

/** A day of the world: 0 is the first. */
export interface WorldDay extends Truth {
  readonly day: number;
}

export interface WorldReport {
  readonly seed: number;
  /** Milliseconds: visits were in from <= time < until. */
  readonly from: number;
  readonly until: number;
  readonly total: Truth;
  /** By `experiment/arm`. */
  readonly arms: Readonly<Record<string, Truth>>;
  readonly days: readonly WorldDay[];
  readonly feedback: { readonly sent: number; readonly duplicates: number; readonly refused: number };
}

/** A visit, and what of it is to be told. */
interface Visited {
  readonly visit: Visit;
  readonly feedback: readonly WorldFeedback[];
}

const dayMs = 86_400_000;
const standard = { firstDay: 0, concurrency: 1, roundMs: 30_000, tailMs: 6 * 3_600_000 };
const mostEntities = 2000;
const mostEvents = 2000;

/**
 * Lets the people of a world visit a service, in the world's own time: puts users and items as they appear, asks for lists,
 * and tells what people do with them, when it is due. What happens depends on the seed and on what the service shows, never
 * on how long it takes to answer: the same answers, the same visits, outcomes and events, whatever the concurrency.
 * Rejects with whatever the service rejects with; an abort ends it after the round under way.
 */
export const runWorld = async (service: WorldService, options: RunWorldOptions): Promise<WorldReport> =>
  new Run(service, options).run();

class Run {
  readonly #service: WorldService;
  readonly #options: RunWorldOptions & typeof standard & { readonly requestPrefix: string };
  readonly #world: World;
  readonly #total = createTally();
  readonly #arms = new Map<string, Tally>();
  readonly #days: WorldDay[] = [];
  readonly #feedback = { sent: 0, duplicates: 0, refused: 0 };
  #pending: WorldFeedback[] = [];
  #coming: { readonly at: number; readonly kind: 'item' | 'user'; readonly entity: WorldEntity }[] = [];
  #done = 0;

  constructor(service: WorldService, options: RunWorldOptions) {
    this.#service = service;
    this.#options = { requestPrefix: `w${options.seed}-`, ...standard, ...options };
    this.#world = createWorld(options.seed, options);
  }

  async run(): Promise<WorldReport> {
    const { seed, firstDay, days, tailMs, signal } = this.#options;
    const { startMs, people } = this.#world;
    const from = startMs + firstDay * dayMs;
    const until = from + days * dayMs;
    await this.#service.say(from);
    for (const person of people) this.#expectUser(person);
    for (let day = 0; day < firstDay; day++) this.#world.newcomers(day).forEach((person) => this.#expectUser(person));
    for (let day = firstDay - catalogueDays; day < firstDay; day++) this.#expectItems(day);
    for (let day = firstDay; day < firstDay + days && signal?.aborted !== true; day++) await this.#day(day);
    if (signal?.aborted !== true) {
      await this.#tell(until + tailMs);
      await this.#service.say(until + tailMs);
    }
    const arms = [...this.#arms].sort(([a], [b]) => (a < b ? -1 : 1)).map(([arm, tally]) => [arm, tally.truth()]);
    return {
      seed,
      from,
      until,
      total: this.#total.truth(),
      arms: Object.fromEntries(arms) as Record<string, Truth>,
      days: this.#days,
      feedback: this.#feedback,
    };
  }

  async #day(day: number): Promise<void> {
    const { roundMs, signal } = this.#options;
    const { requestsPerDay, startMs } = this.#world;
    for (const person of this.#world.newcomers(day)) this.#expectUser(person);
    this.#expectItems(day);
    const requests = Array.from({ length: requestsPerDay }, (_, index) => this.#world.request(day, index));
    requests.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
    const rounds = new Map<number, WorldRequest[]>();
    for (const request of requests) {
      const round = startMs + Math.floor((request.time - startMs) / roundMs) * roundMs;
      const together = rounds.get(round);
      if (together === undefined) rounds.set(round, [request]);
      else together.push(request);
    }
    const tally = createTally();
    for (const [time, together] of rounds) {
      if (signal?.aborted === true) break;
      await this.#round(time, together, tally);
    }
    const truth = { day, ...tally.truth() };
    this.#days.push(truth);
    this.#options.onDay?.(truth);
  }

  async #round(time: number, requests: readonly WorldRequest[], day: Tally): Promise<void> {
    const { concurrency, roundMs, onRound, onVisit, onProgress, days } = this.#options;
    await this.#tell(time);
    await this.#put(time + roundMs);
    await this.#service.say(time);
    await onRound?.(time);
    // One after the other for each person: nobody is at two places at once.
    const visits: Visited[] = new Array<Visited>(requests.length);
    await inParallel(byPerson(requests), concurrency, async (places) => {
      for (const place of places) visits[place] = await this.#visit(requests[place] as WorldRequest);
    });
    for (const { visit, feedback } of visits) {
      this.#pending.push(...feedback);
      for (const tally of [this.#total, day, ...this.#tallies(visit)]) tally.add(visit);
      onVisit?.(visit);
      onProgress?.(++this.#done, days * this.#world.requestsPerDay);
    }
  }

  async #visit(request: WorldRequest): Promise<Visited> {
    const { requestPrefix } = this.#options;
    const world = this.#world;
    const { id, day, time, person, device, pool } = request;
    const answer = await this.#service.rank({
      requestId: requestPrefix + id,
      time,
      user: { id: person.id, fields: {} },
      context: { device },
      candidates: candidatesOf(request),
      limit: world.listLength,
    });
    const videos = new Map(pool.map((video) => [video.id, video]));
    const shown = answer.items.map((item): Video => {
      const video = videos.get(String(item.id));
      if (video === undefined)
        throw new Error(`The answer to ${requestPrefix}${id} holds ${item.id}, which was no candidate.`);
      return video;
    });
    const expected = world.expected(request, shown);
    const outcomes = world.outcomes(request, shown);
    return {
      visit: {
        requestId: answer.requestId,
        day,
        time,
        user: person.id,
        arms: answer.arms,
        version: answer.version,
        shown: shown.map((video, place) => ({
          item: video.id,
          expected: expected[place] as (typeof expected)[number],
          happened: outcomes[place] as (typeof outcomes)[number],
        })),
      },
      feedback: world.feedback(request, shown, answer.requestId),
    };
  }

  /** Tells what people did before a time. */
  async #tell(before: number): Promise<void> {
    const due = this.#pending.filter(({ time }) => time < before);
    if (due.length === 0) return;
    this.#pending = this.#pending.filter(({ time }) => time >= before);
    due.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
    for (const part of parts(due, mostEvents)) {
      const { duplicates, refused } = await this.#service.feedback(part);
      this.#feedback.sent += part.length;
      this.#feedback.duplicates += duplicates;
      this.#feedback.refused += refused;
    }
  }

  /** Puts whoever joined and what was uploaded before a time. */
  async #put(before: number): Promise<void> {
    const due = this.#coming.filter(({ at }) => at < before);
    if (due.length === 0) return;
    this.#coming = this.#coming.filter(({ at }) => at >= before);
    for (const kind of ['user', 'item'] as const) {
      const entities = due.filter((each) => each.kind === kind).map(({ entity }) => entity);
      for (const part of parts(entities, mostEntities)) await this.#service.put(kind, part);
    }
  }

  #expectUser(person: World['people'][number]): void {
    const entity = entityOf(person.id, this.#world.userFields(person));
    this.#coming.push({ at: person.joinedAt ?? -Infinity, kind: 'user', entity });
  }

  #expectItems(day: number): void {
    for (const video of this.#world.videos(day)) {
      const entity = entityOf(video.id, this.#world.itemFields(video));
      this.#coming.push({ at: video.uploadedAt, kind: 'item', entity });
    }
  }

  #tallies({ arms }: Visit): Tally[] {
    return Object.entries(arms).map(([experiment, arm]) => {
      const key = `${experiment}/${arm}`;
      const tally = this.#arms.get(key) ?? createTally();
      this.#arms.set(key, tally);
      return tally;
    });
  }
}

const entityOf = (id: string, fields: Fields): WorldEntity => ({
  id,
  fields: Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'user_id' && name !== 'item_id')),
});

/** Who proposed a candidate is a field of the request: another request has another nominator. */
const candidatesOf = ({ pool, nominations }: WorldRequest): WorldEntity[] =>
  nominations === undefined
    ? pool.map(({ id }) => ({ id, fields: {} }))
    : nominations.map(({ video, source, score }) => ({ id: video.id, fields: { source, nominator_score: score } }));

const parts = <T>(list: readonly T[], most: number): (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / most) }, (_, part) => list.slice(part * most, (part + 1) * most));

/** Places in the list, of each person in order. */
const byPerson = (requests: readonly WorldRequest[]): (readonly number[])[] => {
  const places = new Map<number, number[]>();
  requests.forEach(({ person }, place) => {
    const own = places.get(person.index);
    if (own === undefined) places.set(person.index, [place]);
    else own.push(place);
  });
  return [...places.values()];
};

/** After a failure nothing more is begun. */
const inParallel = async <T>(
  list: readonly T[],
  concurrency: number,
  work: (each: T) => Promise<void>,
): Promise<void> => {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const each = list[next++] as T;
      try {
        await work(each);
      } catch (error) {
        next = list.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, list.length) }, worker));
};
