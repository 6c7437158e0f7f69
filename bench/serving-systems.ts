import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { putEntities } from '../load-tests/model/index.js';
import { startService } from '../load-tests/service/index.js';
import { pythonWith, servingPeers } from './peers/python.js';
import { writeServingBundle } from './serving-bundle.js';
import { bodiesOf, type Folders, type Form, type ServingModel } from './serving-model.js';
import { startPeer, type PeerSetup } from './serving-peers.js';

/** Something that answers POST /v1/rank, ready to be measured. */
export interface System {
  readonly name: string;
  readonly form: Form;
  readonly url: string;
  /** The service itself; the others are peers. */
  readonly isOurs: boolean;
  readonly precision: keyof Folders;
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

interface ServiceSetup {
  readonly workers: number;
  readonly log: boolean;
  readonly forms: readonly Form[];
  readonly precision?: keyof Folders;
}

/** Without the log it does what the peers do, which log nothing. */
const serviceSetups: readonly ServiceSetup[] = [
  { workers: 1, log: true, forms: ['ids', 'fields'] },
  { workers: 2, log: true, forms: ['ids', 'fields'] },
  { workers: 2, log: false, forms: ['fields'] },
  { workers: 1, log: true, forms: ['ids'], precision: 'int8' },
  { workers: 2, log: false, forms: ['fields'], precision: 'int8' },
];

/** Few enough to measure all in turns within minutes. */
const peerSetups: readonly (PeerSetup & { readonly form?: Form })[] = [
  { app: 'pydantic', graph: 'split', workers: 1, threads: 1 },
  { app: 'pydantic', graph: 'split', workers: 2, threads: 1 },
  { app: 'lean', graph: 'split', workers: 1, threads: 1 },
  { app: 'lean', graph: 'split', workers: 2, threads: 1 },
  { app: 'lean', graph: 'joined', workers: 2, threads: 1 },
  { app: 'lean', graph: 'rounded', workers: 2, threads: 1 },
  { app: 'lean', graph: 'split', workers: 2, threads: 1, form: 'ids' },
];

/** Starts what is to be measured; all of it is stopped again if one of them does not start. */
export const startSystems = async (options: {
  readonly model: ServingModel;
  readonly folder: string;
  readonly models: Required<Folders>;
  readonly peers: boolean;
}): Promise<Systems> => {
  const { model, folder, models, peers } = options;
  const started: { readonly stop: () => Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const { stop: end } of started.splice(0).reverse()) await end();
  };
  const list: System[] = [];
  const entities = [
    { path: '/v1/items', body: JSON.stringify(model.items) },
    { path: '/v1/users', body: JSON.stringify(model.users) },
  ] as const;
  try {
    for (const { workers, log, forms, precision = 'float32' } of peers ? serviceSetups : serviceSetups.slice(0, 1)) {
      const at = join(folder, `service-${list.length}`);
      const logged = log ? { 'log-directory': join(at, 'log') } : { log: 'off' };
      await mkdir(at);
      // Each in a process of its own, as the peers are: services that share one collect each other's garbage.
      const flags = {
        models: models[precision],
        store: join(at, 'store'),
        ...logged,
        device: 'cpu',
        workers,
        ...patient,
      };
      const service = await startService({ root, flags });
      started.push({ stop: () => service.stop().then(() => undefined) });
      await putEntities(service.url, { entities });
      const name = `watchnext, ${workers} scoring thread${workers === 1 ? '' : 's'}${log ? '' : ', log off'}${precision === 'int8' ? ', int8' : ''}`;
      for (const form of forms) list.push({ name, form, url: service.url, isOurs: true, precision, cores: workers });
    }
    if (!peers) return { list, stop };
    const python = await pythonWith(servingPeers);
    if ('reason' in python) return { list, stop, reason: python.reason };
    const bundle = join(folder, 'bundle');
    await mkdir(bundle);
    await writeServingBundle(model, bundle);
    for (const { form = 'fields', ...setup } of peerSetups) {
      const peer = await startPeer(python.python, bundle, setup);
      started.push(peer);
      const what = setup.app === 'pydantic' ? 'FastAPI, pydantic' : 'lean Python (orjson)';
      const graph = { split: '', joined: ', request side per row', rounded: ', int8' }[setup.graph];
      const name = `${what}${graph}, ${setup.workers} process${setup.workers === 1 ? '' : 'es'}`;
      const precision = setup.graph === 'rounded' ? 'int8' : 'float32';
      list.push({ name, form, url: peer.url, isOurs: false, precision, cores: setup.workers * setup.threads });
    }
    for (const precision of ['float32', 'int8'])
      await compareAnswers(
        list.filter((system) => system.precision === precision),
        model,
      );
    return { list, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

interface Answer {
  readonly items: readonly { readonly id: string; readonly score: number; readonly heads: Record<string, number> }[];
}

const answerTimeoutMs = 60_000;

const rank = async (url: string, body: string): Promise<Answer> => {
  const headers = { 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(answerTimeoutMs);
  const response = await fetch(`${url}/v1/rank`, { method: 'POST', headers, body, signal });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
};

/** Ages grow between two requests, and numbers are summed in another order. */
const tolerance = 2e-3;

/** Whoever computes something else is not the same service made in another way. */
const compareAnswers = async (list: readonly System[], model: ServingModel): Promise<void> => {
  const answers = await Promise.all(
    list.map(({ url, form }) => rank(url, bodiesOf(model, { form, count: 1 })[0] ?? '')),
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
