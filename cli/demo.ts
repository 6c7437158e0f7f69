import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { loadRanker } from '../src/definition/index.js';
import type { Fields } from '../src/features/index.js';
import { startServer } from '../src/server.js';
import { readSettings } from '../src/settings.js';
import { simulate, type Simulation } from '../training/dataset/index.js';
import { positiveNumber, wholeNumber } from './arguments.js';
import { createProgress, formatTable, note, print } from './output.js';
import { printTraining, trainAndSeal } from './train.js';

interface DemoFlags {
  readonly once?: boolean;
  readonly port: number;
  readonly seed: number;
}

const folder = '.demo';
const dayMs = 86_400_000;
const standardPort = 8080;
const days = 8;
const definition = fileURLToPath(new URL('../../models/demo/ranker.yaml', import.meta.url));

export const demoCommand = (): Command =>
  new Command('demo')
    .description('simulate a platform, train a ranker on its log, serve it and rank a request')
    .option('--once', 'end after the ranked answer')
    .option('--port <port>', 'port of the service', positiveNumber, standardPort)
    .option('--seed <n>', 'seed of the simulated platform', wholeNumber, 1)
    .addHelpText(
      'after',
      `\nEverything is written below ${folder}/. Examples:\n  $ npm run demo\n  $ npm run demo -- --once`,
    )
    .action(async ({ once, port, seed }: DemoFlags) => {
      note('1. Simulating a small video platform');
      const data = join(folder, 'data');
      const progress = createProgress();
      await rm(join(folder, 'models'), { recursive: true, force: true });
      const simulation = await simulate({
        directory: data,
        seed,
        days,
        // The log ends last midnight: the service ranks now, and what it knows must not be stale.
        startMs: Math.floor(Date.now() / dayMs) * dayMs - days * dayMs,
        onProgress: (done, total) => progress.show({ label: 'simulating', done, total }),
      });
      progress.stop();
      const { rows, requests, users, items } = simulation;
      note(
        `   ${rows.toLocaleString('en-US')} impressions in ${requests.toLocaleString('en-US')} lists; ${users} users, ${items} videos`,
      );

      note('\n2. Training on its log, the last day held out');
      const models = join(folder, 'models');
      printTraining(
        await trainAndSeal({ ranker: await loadRanker(definition), data, engine: 'onnx', out: models, activate: true }),
      );

      note('\n3. Serving it');
      const settings = {
        models,
        store: join(folder, 'store'),
        logDirectory: join(folder, 'log'),
        port: once === true && port === standardPort ? 0 : port,
        logLevel: 'warn',
      };
      const server = await startServer(readSettings(process.env, settings));
      try {
        await putCatalogue(server.url, simulation);
        note(`   ${server.url} is up: ${users} users and ${items} videos put into its store`);
        note('\n4. Ranking a request');
        const example = await rankTomorrow(server.url, simulation);
        if (once !== true) print(tryIt(server.url, example));
      } catch (error) {
        await server.close();
        throw error;
      }
      if (once === true) await server.close();
      else note(`\nStays up; Ctrl-C ends it. The API is described at ${server.url}/docs`);
    });

const tryIt = (url: string, example: object): string =>
  `\ntry it:\ncurl -s ${url}/v1/rank -H 'content-type: application/json' -d '${JSON.stringify(example)}'`;

const send = async (method: 'PUT' | 'POST', url: string, body: unknown): Promise<unknown> => {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
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

const putCatalogue = async (url: string, { world, from, until }: Simulation): Promise<void> => {
  const days = Math.round((until - from) / dayMs);
  const videos = Array.from({ length: days + 8 }, (_, index) => world.videos(index - 7)).flat();
  await send(
    'PUT',
    `${url}/v1/users`,
    world.people.map((person) => entity(person.id, world.userFields(person))),
  );
  const items = videos.map((video) => entity(video.id, world.itemFields(video)));
  await send('PUT', `${url}/v1/items`, items);
};

interface RankedItem {
  readonly id: string;
  readonly position: number;
  readonly score: number;
  readonly heads: Readonly<Record<string, number>>;
}

interface Answer {
  readonly version: string;
  readonly items: readonly RankedItem[];
}

const shortlist = 30;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const percent = (values: readonly number[]): string => `${(100 * mean(values)).toFixed(1)} %`;

/** Tomorrow's requests, with what the simulator knows to be true of each candidate. */
const tomorrow = ({ world, from, until }: Simulation, index: number) => {
  const request = world.request(Math.round((until - from) / dayMs), index);
  const candidates = request.pool.slice(0, shortlist);
  const truth = world.truth(request.person, candidates, request.time);
  const body = {
    user: { id: request.person.id },
    context: { device: request.device },
    candidates: candidates.map(({ id }) => ({ id })),
    limit: 8,
  };
  return { request, body, truth: new Map(candidates.map(({ id }, i) => [id, truth[i]])) };
};

/**
 * Ranks tomorrow's first request and sets the answer beside the truth; then many, to show that it is no accident. Answers a
 * short request to try.
 */
const rankTomorrow = async (url: string, simulation: Simulation): Promise<object> => {
  const { request, body, truth } = tomorrow(simulation, 0);
  const answer = (await send('POST', `${url}/v1/rank`, body)) as Answer;
  print(`user ${request.person.id} on ${request.device}, ${shortlist} candidates, version ${answer.version}`);
  const heads = Object.keys(answer.items[0]?.heads ?? {});
  const rows = answer.items.map(({ id, position, score, heads: values }) => [
    position,
    id,
    score.toPrecision(3),
    ...heads.map((head) => (values[head] ?? Number.NaN).toFixed(3)),
    (truth.get(id)?.click ?? Number.NaN).toFixed(3),
    (truth.get(id)?.like ?? Number.NaN).toFixed(3),
  ]);
  print(formatTable(['#', 'video', 'score', ...heads, 'true click*', 'true like*'], rows));
  print('* what the simulator knows, for somebody who looks at the video; predictions include that many do not look');

  const requests = Array.from({ length: 100 }, (_, index) => tomorrow(simulation, index));
  const likes = { ranked: [] as number[], all: [] as number[], best: [] as number[] };
  for (const one of requests) {
    const { items } = (await send('POST', `${url}/v1/rank`, one.body)) as Answer;
    const known = [...one.truth.values()].map((expected) => expected?.like ?? 0).sort((a, b) => b - a);
    likes.ranked.push(mean(items.map(({ id }) => one.truth.get(id)?.like ?? 0)));
    likes.all.push(mean(known));
    likes.best.push(mean(known.slice(0, items.length)));
  }
  print(
    `\nover 100 requests, true likes among the first 8: ${percent(likes.ranked)} as ranked, ` +
      `${percent(likes.all)} in any order, ${percent(likes.best)} if the truth were known`,
  );
  return { ...body, candidates: body.candidates.slice(0, 5), limit: 3 };
};
