import type { Simulation, World, WorldRequest, Video } from '../../training/dataset/index.js';
import { send, type Answer } from './http.js';

/** How many of a list people get to see first: what the demo looks at. */
export const firstPlaces = 8;
const listLength = 20;
const poolLength = 40;

/** Chances, means over requests, that a video is liked or clicked by somebody who looks at it: the simulator knows. */
export interface TrueChances {
  readonly requests: number;
  /** Among the first places, as ranked. */
  readonly ranked: { readonly like: number; readonly click: number };
  /** Over all candidates: what any order gives. */
  readonly any: { readonly like: number; readonly click: number };
}

/** What was predicted and what came, [rows, tasks], of the last visits. */
export interface LiveRows {
  readonly heads: Float32Array;
  readonly labels: Float32Array;
}

export interface AudienceOptions {
  readonly url: string;
  readonly simulation: Simulation;
  readonly tasks: readonly string[];
  /** Visits that begin per second; fewer where the service cannot keep up. */
  readonly perSecond: number;
}

/** People who ask for lists, look, and say so by what they do. */
export interface Audience {
  /** Of the visits since this was last asked. */
  takeChances(): TrueChances;
  /** Of the last visits whose feedback was sent. */
  recent(): LiveRows;
  readonly visits: number;
  readonly events: number;
  /** Visits that failed, and why the last one did. */
  readonly failures: { readonly count: number; readonly last: string | undefined };
  /** Nobody comes any more; resolves when everybody has left. */
  stop(): Promise<void>;
}

/** Which pool a visitor of now can choose from: what is not uploaded yet is not there. */
export const visitNow = ({ world, from, until }: Simulation, index: number) => {
  const now = Date.now();
  const day = Math.round((until - from) / 86_400_000);
  const request: WorldRequest = { ...world.request(day, index), time: now };
  const pool = request.pool.filter(({ uploadedAt }) => uploadedAt <= now).slice(0, poolLength);
  const body = {
    user: { id: request.person.id },
    context: { device: request.device },
    candidates: pool.map(({ id }) => ({ id })),
  };
  return { request, pool, body };
};

const mostAtOnce = 16;
const keptRows = 6000;
const shortestMs = 300;
const longestMs = 1500;

export const startAudience = ({ url, simulation, tasks, perSecond }: AudienceOptions): Audience => {
  const { world } = simulation;
  const inFlight = new Set<Promise<void>>();
  const rows: { heads: number[]; labels: number[] }[] = [];
  let [visits, events, failed] = [0, 0, 0];
  let lastFailure: string | undefined;
  let chances = noChances();
  let stopped = false;

  const visit = async (index: number): Promise<void> => {
    const { request, pool, body } = visitNow(simulation, index);
    const answer = (await send('POST', `${url}/v1/rank`, { ...body, limit: listLength })) as Answer;
    const videos = new Map(pool.map((video) => [video.id, video]));
    const shown = answer.items.flatMap(({ id }) => videos.get(id) ?? []);
    chances = addChances(chances, { world, request, pool, shown });
    const outcomes = world.outcomes(request, shown);
    // People need a moment; each has their own.
    await later(shortestMs + ((index * 7919) % (longestMs - shortestMs)));
    const named = { requestId: answer.requestId, user: request.person.id };
    const feedback = outcomes.flatMap((happening, place) => {
      const item = shown[place]?.id ?? '';
      return eventsOf(happening).map((event) => ({
        ...named,
        ...event,
        item,
        id: `${answer.requestId}/${item}/${event.kind}`,
      }));
    });
    if (feedback.length > 0) await send('POST', `${url}/v1/feedback`, feedback);
    visits++;
    events += feedback.length;
    outcomes.forEach((happening, place) => {
      const labels = labelsOf(happening);
      rows.push({
        heads: tasks.map((task) => answer.items[place]?.heads[task] ?? Number.NaN),
        labels: tasks.map((task) => labels[task] ?? Number.NaN),
      });
    });
    rows.splice(0, rows.length - keptRows);
  };

  let next = 0;
  const timer = setInterval(() => {
    if (inFlight.size >= mostAtOnce * Math.ceil(perSecond / 10)) return;
    const one = visit(next++)
      .catch((error: unknown) => {
        failed++;
        lastFailure = error instanceof Error ? error.message : String(error);
      })
      .finally(() => inFlight.delete(one));
    inFlight.add(one);
  }, 1000 / perSecond);

  const later = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      // Whoever is there when it ends leaves at once.
      const wait = setTimeout(resolve, stopped ? 0 : ms);
      wait.ref();
    });

  return {
    takeChances() {
      const taken = chances;
      chances = noChances();
      return taken;
    },
    recent: () => ({
      heads: Float32Array.from(rows.flatMap(({ heads }) => heads)),
      labels: Float32Array.from(rows.flatMap(({ labels }) => labels)),
    }),
    get visits() {
      return visits;
    },
    get events() {
      return events;
    },
    get failures() {
      return { count: failed, last: lastFailure };
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
};

type Happening = ReturnType<World['outcomes']>[number];

const eventsOf = ({ clicked, watchSeconds, liked, dismissed, rating }: Happening) => [
  ...(clicked ? [{ kind: 'click' }, { kind: 'watch', seconds: watchSeconds }] : []),
  ...(liked ? [{ kind: 'like' }] : []),
  ...(dismissed ? [{ kind: 'dismiss' }] : []),
  ...(rating === undefined ? [] : [{ kind: 'rating', value: rating }]),
];

const labelsOf = ({
  clicked,
  watchSeconds,
  liked,
  dismissed,
  rating,
}: Happening): Readonly<Record<string, number>> => ({
  click: Number(clicked),
  watch: clicked ? watchSeconds : Number.NaN,
  like: Number(liked),
  dismiss: Number(dismissed),
  rating: rating ?? Number.NaN,
});

interface Visited {
  readonly world: World;
  readonly request: WorldRequest;
  readonly pool: readonly Video[];
  readonly shown: readonly Video[];
}

export const noChances = (): TrueChances => ({
  requests: 0,
  ranked: { like: 0, click: 0 },
  any: { like: 0, click: 0 },
});

/** Running means over requests. */
export const addChances = (
  { requests, ranked, any }: TrueChances,
  { world, request, pool, shown }: Visited,
): TrueChances => {
  const truth = (videos: readonly Video[]) => world.truth(request.person, videos, request.time);
  const mean = (videos: readonly Video[], of: 'like' | 'click'): number =>
    truth(videos).reduce((sum, expected) => sum + expected[of], 0) / Math.max(1, videos.length);
  const into = (before: { like: number; click: number }, videos: readonly Video[]) => ({
    like: before.like + (mean(videos, 'like') - before.like) / (requests + 1),
    click: before.click + (mean(videos, 'click') - before.click) / (requests + 1),
  });
  return { requests: requests + 1, ranked: into(ranked, shown.slice(0, firstPlaces)), any: into(any, pool) };
};
