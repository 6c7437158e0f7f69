import type { Fields } from '../../src/features/index.js';
import type { Simulation } from '../../training/dataset/index.js';

/** Sends JSON and answers what came back; throws for anything but success. */
export const send = async (method: 'GET' | 'PUT' | 'POST', url: string, body?: unknown): Promise<unknown> => {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
};

export interface RankedItem {
  readonly id: string;
  readonly position: number;
  readonly score: number;
  readonly heads: Readonly<Record<string, number>>;
}

/** What POST /v1/rank answers. */
export interface Answer {
  readonly requestId: string;
  readonly version: string;
  readonly items: readonly RankedItem[];
}

/** What GET /v1/models says of the demo's ranker. */
export interface ModelStatus {
  readonly active: string | null;
  readonly version?: string;
  readonly freshness?: { readonly p50Seconds: number; readonly p95Seconds: number; readonly samples: number };
  readonly refusals?: readonly { readonly candidate: string; readonly reason: string }[];
}

export const modelStatus = async (url: string, ranker: string): Promise<ModelStatus | undefined> => {
  const { rankers } = (await send('GET', `${url}/v1/models`)) as {
    readonly rankers: readonly (ModelStatus & { readonly ranker: string })[];
  };
  return rankers.find((one) => one.ranker === ranker);
};

/** Fields as the API takes them: the id goes into `id`, arrays of numbers are plain. */
const entity = (id: string, fields: Fields): Record<string, unknown> => ({
  ...Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => name !== 'user_id' && name !== 'item_id')
      .map(([name, value]) => [name, value instanceof Float32Array ? [...value] : value]),
  ),
  id,
});

/** Days of uploads that can still be considered today, with today's. */
const uploadDays = 8;

/** The service learns who there is and what there is to watch. */
export const putCatalogue = async (url: string, { world, from, until }: Simulation): Promise<void> => {
  const days = Math.round((until - from) / 86_400_000);
  const videos = Array.from({ length: days + uploadDays }, (_, index) => world.videos(index - uploadDays + 1)).flat();
  const users = world.people.map((person) => entity(person.id, world.userFields(person)));
  await send('PUT', `${url}/v1/users`, users);
  await send(
    'PUT',
    `${url}/v1/items`,
    videos.map((video) => entity(video.id, world.itemFields(video))),
  );
};
