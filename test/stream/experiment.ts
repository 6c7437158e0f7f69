import type { LoadedArtifact } from '../../src/artifact/index.js';
import { fingerprint, type RankerDefinition } from '../../src/definition/index.js';
import { encodeEvent, type LoggedEvent } from '../../src/events/index.js';
import { createFeatureReader, selectRows } from '../../src/features/index.js';
import { createPipeline, type Pipeline } from '../../src/join/index.js';
import {
  createWorld,
  feedbackEvent,
  type LoggedRequest,
  type World,
  type WorldRequest,
} from '../../training/dataset/index.js';
import { learningOn, linearArtifact, type Learning } from './ranker.js';

/** An arm: the ranker that serves it, with a learner of its own, and what a list is ordered by. */
export interface ServedArm {
  readonly definition: RankerDefinition;
  /** -1 shows the worst first. */
  readonly sign?: 1 | -1;
}

export interface ExperimentOutcome {
  /** By arm and user who came: clicks, and lists that were shown. */
  readonly users: Readonly<Record<string, readonly (readonly [clicks: number, lists: number])[]>>;
  /** By ranker. */
  readonly learners: Readonly<Record<string, Learning['learner']>>;
}

/** A ranker of the world's videos that learns clicks within ten minutes. */
export const worldRanker = (name: string, stream: RankerDefinition['stream'] = {}): RankerDefinition => ({
  name,
  features: {
    user_id: { kind: 'id', scope: 'user', dim: 2 },
    item_id: { kind: 'id', scope: 'candidate', dim: 2 },
    watched: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', last: 5, shares: 'item_id' },
    click_rate: { kind: 'rate', scope: 'candidate', key: 'item_id', of: 'click' },
    topic_rate: { kind: 'rate', scope: 'candidate', key: ['user_id', 'topic'], of: 'click' },
    duration: { kind: 'number', scope: 'candidate', transform: 'log1p' },
  },
  tasks: { click: { kind: 'binary', label: 'clicked' } },
  network: { kind: 'mmoe' },
  score: { form: 'sum', weights: { click: 1 } },
  labels: { click: { wait: '10m' } },
  training: { batch: 64, optimizer: { kind: 'sgd', rate: 0.05 } },
  stream: { batch_span: '1h', ...stream },
});

export interface ExperimentOptions {
  readonly seed: number;
  readonly arms: Readonly<Record<string, ServedArm>>;
  readonly days?: number;
}

/**
 * The whole loop, without a process: people of the simulated world come in the order of time, each always in the same arm;
 * the arm's ranker reads features, scores and shows; impressions and feedback go as bytes through joining to the learner of
 * every arm's ranker, and what it has learned by then serves the next request.
 */
export async function runExperiment({ seed, arms, days = 2 }: ExperimentOptions): Promise<ExperimentOutcome> {
  const world = createWorld(seed, {
    users: 100,
    videosPerDay: 20,
    authors: 10,
    requestsPerDay: 300,
    listLength: 4,
    poolSize: 12,
  });
  const names = Object.keys(arms);
  const log = new Log();
  const services = new Map<string, ArmService>();
  const byRanker = new Map<string, ArmService>();
  for (const [arm, served] of Object.entries(arms)) {
    const { name } = served.definition;
    const service = byRanker.get(name) ?? (await ArmService.open(world, served));
    byRanker.set(name, service);
    services.set(arm, service);
  }
  const users = new Map<string, Map<string, [clicks: number, lists: number]>>(names.map((arm) => [arm, new Map()]));
  const requests = Array.from({ length: days }, (_, day) =>
    Array.from({ length: world.requestsPerDay }, (_unused, index) => world.request(day + 1, index)),
  )
    .flat()
    .sort((a, b) => a.time - b.time);
  for (const [index, request] of requests.entries()) {
    log.passTo(request.time);
    if (index % 25 === 0) for (const service of byRanker.values()) await service.learn(log);
    const arm = names[Number(request.person.id.slice(1)) % names.length] ?? '';
    const shown = await services.get(arm)?.show(request, { arm, sign: arms[arm]?.sign ?? 1 });
    if (shown === undefined) throw new Error('every person is in an arm');
    log.add(shown.impression);
    const said = world.feedback(request, shown.videos, request.id);
    for (const each of said) if (each.kind === 'click') log.later(feedbackEvent(each));
    const known = users.get(arm)?.get(request.person.id) ?? [0, 0];
    users.get(arm)?.set(request.person.id, known);
    known[0] += said.filter(({ kind }) => kind === 'click').length;
    known[1] += 1;
  }
  log.passTo(Infinity);
  for (const service of byRanker.values()) await service.learn(log);
  return {
    users: Object.fromEntries([...users].map(([arm, of]) => [arm, [...of.values()]])),
    learners: Object.fromEntries([...byRanker].map(([ranker, { learner }]) => [ranker, learner])),
  };
}

/** One partition of events, in the order in which they happened. */
class Log {
  readonly records: Parameters<Pipeline['take']>[0][number][] = [];
  #later: LoggedEvent[] = [];

  add(event: LoggedEvent): void {
    const offset = this.records.length;
    this.records.push({ partition: 0, offset, time: event.time, value: encodeEvent(event) });
  }

  later(event: LoggedEvent): void {
    this.#later.push(event);
  }

  passTo(time: number): void {
    const due = this.#later.filter((event) => event.time <= time).sort((a, b) => a.time - b.time);
    this.#later = this.#later.filter((event) => event.time > time);
    due.forEach((event) => this.add(event));
    const last = this.records.at(-1)?.time ?? 0;
    this.add({ kind: 'marker', time: Number.isFinite(time) ? time : last + 3_600_000 });
  }
}

class ArmService {
  readonly #definition: RankerDefinition;
  readonly #world: World;
  readonly #learning: Learning;
  readonly #pipeline: Pipeline;
  #taken = 0;

  private constructor(world: World, definition: RankerDefinition, learning: Learning) {
    this.#definition = definition;
    this.#world = world;
    this.#learning = learning;
    this.#pipeline = createPipeline({ definition, partitions: [0], examples: true, start: [0] });
  }

  /** Begins with a version that learned from what the platform showed the day before. */
  static async open(world: World, { definition }: ServedArm): Promise<ArmService> {
    const artifact: LoadedArtifact = await linearArtifact(definition, filesOf(world));
    const agrees = (): Promise<boolean> => Promise.resolve(true);
    return new ArmService(world, definition, await learningOn(artifact, { agrees }));
  }

  get learner(): Learning['learner'] {
    return this.#learning.learner;
  }

  async learn({ records }: Log): Promise<void> {
    const { joined } = this.#pipeline.take(records.slice(this.#taken));
    this.#taken = records.length;
    await this.learner.take(joined);
    await this.learner.settled();
  }

  async show(request: WorldRequest, { arm, sign }: { readonly arm: string; readonly sign: number }) {
    const { ranker, state } = this.#learning;
    const fields = inputOf(this.#world, request);
    const batch = createFeatureReader({ definition: this.#definition, state }).read([fields]);
    const { heads } = await ranker.score(batch);
    const rows = request.pool
      .map((_, row) => row)
      .sort((a, b) => sign * ((heads[b] ?? 0) - (heads[a] ?? 0)) || a - b)
      .slice(0, this.#world.listLength);
    const videos = rows.flatMap((row) => request.pool[row] ?? []);
    const impression: LoggedEvent = {
      kind: 'impression',
      time: request.time,
      requestId: request.id,
      userId: request.person.id,
      ranker: this.#definition.name,
      version: '20260105T000000Z-000000',
      fingerprint: fingerprint(this.#definition),
      arms: { net: arm },
      weights: { click: 1 },
      tasks: ['click'],
      candidates: request.pool.length,
      items: videos.map(({ id }, place) => ({ id, position: place + 1, score: 0, propensity: 1 })),
      heads: Float32Array.from(rows, (row) => heads[row] ?? 0),
      fields: { ...fields, candidates: rows.map((row) => fields.candidates[row] ?? {}) },
      features: selectRows(batch, rows),
    };
    return { impression, videos };
  }
}

const inputOf = (world: World, { person, pool, time, device }: WorldRequest) => ({
  time,
  user: world.userFields(person),
  context: { device },
  candidates: pool.map((video) => world.itemFields(video)),
});

/** The first day, as a log in files. */
const filesOf = (world: World): LoggedRequest[] =>
  Array.from({ length: 100 }, (_, index): LoggedRequest => {
    const request = world.request(0, index);
    const shown = world.shown(request);
    const clicks = world.outcomes(request, shown).map(({ clicked }) => Number(clicked));
    return {
      ...inputOf(world, { ...request, pool: shown }),
      requestId: request.id,
      positions: Int32Array.from(shown, (_video, place) => place + 1),
      labels: [Float32Array.from(clicks)],
    };
  }).sort((a, b) => a.time - b.time);
