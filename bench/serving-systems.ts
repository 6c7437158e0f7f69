import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService } from '../load-tests/service/index.js';
import { pythonWith, servingPeers } from './peers/python.js';
import { writeServingBundle } from './serving-bundle.js';
import { drawRequest, seeded, type ServingModel } from './serving-model.js';
import { startPeer, type PeerSetup } from './serving-peers.js';

/** "ids" requests name users and items whose fields were put before; "fields" requests carry every field. */
export type Form = 'ids' | 'fields';

/** Something that answers POST /v1/rank, ready to be measured. */
export interface System {
  readonly name: string;
  readonly form: Form;
  readonly url: string;
  /** What its figures are set against; the service itself is `ours`. */
  readonly role: 'ours' | 'pydantic' | 'lean' | 'extra';
  /** Scoring threads: workers of the service, processes times threads of a peer. */
  readonly cores: number;
}

export interface Systems {
  readonly list: readonly System[];
  /** Why there are no peers, if so. */
  readonly reason?: string;
  readonly stop: () => Promise<void>;
}

/** The peers refuse nobody, however long the queue. */
const patient = { 'queue-ms': 60_000, 'deadline-ms': 60_000 };

/** The checkout: two folders above the built file. */
const root = fileURLToPath(new URL('../..', import.meta.url));

/** The last one does what the peers do, which log nothing. */
const serviceSetups: readonly { readonly workers: number; readonly log: boolean; readonly forms: readonly Form[] }[] = [
  { workers: 1, log: true, forms: ['ids', 'fields'] },
  { workers: 2, log: true, forms: ['ids', 'fields'] },
  { workers: 2, log: false, forms: ['fields'] },
];

/** Few enough to measure all in turns within minutes. */
const peerSetups: readonly (PeerSetup & { readonly form?: Form; readonly role: System['role'] })[] = [
  { role: 'pydantic', app: 'pydantic', graph: 'split', workers: 1, threads: 1 },
  { role: 'pydantic', app: 'pydantic', graph: 'split', workers: 2, threads: 1 },
  { role: 'lean', app: 'lean', graph: 'split', workers: 1, threads: 1 },
  { role: 'lean', app: 'lean', graph: 'split', workers: 2, threads: 1 },
  { role: 'extra', app: 'lean', graph: 'joined', workers: 2, threads: 1 },
  { role: 'extra', app: 'lean', graph: 'split', workers: 2, threads: 1, form: 'ids' },
];

/** Starts what is to be measured; all of it is stopped again if one of them does not start. */
export const startSystems = async (options: {
  readonly model: ServingModel;
  readonly folder: string;
  readonly models: string;
  readonly peers: boolean;
}): Promise<Systems> => {
  const { model, folder, models, peers } = options;
  const started: { readonly stop: () => Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const { stop: end } of started.splice(0).reverse()) await end();
  };
  const list: System[] = [];
  try {
    for (const { workers, log, forms } of peers ? serviceSetups : serviceSetups.slice(0, 1)) {
      const at = join(folder, `service-${list.length}`);
      const logged = log ? { 'log-directory': join(at, 'log') } : { log: 'off' };
      await mkdir(at);
      // Each in a process of its own, as the peers are: services that share one collect each other's garbage.
      const flags = { models, store: join(at, 'store'), ...logged, device: 'cpu', workers, ...patient };
      const service = await startService({ root, flags });
      started.push({ stop: () => service.stop().then(() => undefined) });
      await putAll(service.url, model);
      const name = `watchnext, ${workers} scoring thread${workers === 1 ? '' : 's'}${log ? '' : ', log off'}`;
      for (const form of forms) list.push({ name, form, url: service.url, role: 'ours', cores: workers });
    }
    if (!peers) return { list, stop };
    const python = await pythonWith(servingPeers);
    if ('reason' in python) return { list, stop, reason: python.reason };
    const bundle = join(folder, 'bundle');
    await mkdir(bundle);
    await writeServingBundle(model, bundle);
    for (const { role, form = 'fields', ...setup } of peerSetups) {
      const peer = await startPeer(python.python, bundle, setup);
      started.push(peer);
      const what = setup.app === 'pydantic' ? 'FastAPI, pydantic' : 'lean Python (orjson)';
      const graph = setup.graph === 'joined' ? ', request side per row' : '';
      const name = `${what}${graph}, ${setup.workers} process${setup.workers === 1 ? '' : 'es'}`;
      list.push({ name, form, url: peer.url, role, cores: setup.workers * setup.threads });
    }
    await compareAnswers(list, model);
    return { list, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** The same requests for every system of a form. */
export const bodiesOf = (model: ServingModel): Readonly<Record<Form, readonly string[]>> => {
  const random = seeded(5);
  const requests = Array.from({ length: 64 }, () => drawRequest(model, random));
  const ids = requests.map(({ user, context, candidates }) =>
    JSON.stringify({ user: { id: user.id }, context, candidates: candidates.map((item) => ({ id: item?.id })) }),
  );
  return { ids, fields: requests.map((body) => JSON.stringify(body)) };
};

const post = async (url: string, method: string, body: string): Promise<unknown> => {
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json' }, body });
  if (response.status !== 200)
    throw new Error(`${method} ${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
};

const putAll = async (url: string, { items, users }: ServingModel): Promise<void> => {
  for (const [path, entities] of Object.entries({ items, users }))
    await post(`${url}/v1/${path}`, 'PUT', JSON.stringify(entities));
};

interface Answer {
  readonly items: readonly { readonly id: string; readonly score: number; readonly heads: Record<string, number> }[];
}

/** Ages grow between two requests, and numbers are summed in another order. */
const tolerance = 2e-3;

/** Whoever computes something else is not the same service made in another way. */
const compareAnswers = async (list: readonly System[], model: ServingModel): Promise<void> => {
  const bodies = bodiesOf(model);
  const answers = await Promise.all(
    list.map(async ({ url, form }) => (await post(`${url}/v1/rank`, 'POST', bodies[form][0] ?? '')) as Answer),
  );
  const [ours] = answers;
  list.forEach(({ name }, at) => {
    const theirs = new Map(answers[at]?.items.map((item) => [item.id, item]));
    for (const { id, score, heads } of ours?.items ?? []) {
      const item = theirs.get(id);
      const pairs = [[score, item?.score], ...Object.keys(heads).map((head) => [heads[head], item?.heads[head]])];
      for (const [here = NaN, there = NaN] of pairs)
        if (!(Math.abs(here - there) <= tolerance * Math.max(1e-3, Math.abs(here))))
          throw new Error(`${name} answers ${there} where the service answers ${here}, for ${id}`);
    }
  });
};
