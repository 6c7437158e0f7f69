import type { Simulation } from '../../training/dataset/index.js';
import { formatTable, print } from '../output.js';
import { addChances, firstPlaces, noChances, visitNow, type TrueChances } from './audience.js';
import { send, type Answer } from './http.js';

/** Indices of visits that are looked at only, never logged: far from those of the audience. */
const previewFrom = 1_000_000;

const preview = async (url: string, simulation: Simulation, index: number) => {
  const visited = visitNow(simulation, previewFrom + index);
  const body = { ...visited.body, limit: firstPlaces };
  const answer = (await send('POST', `${url}/v1/rank`, { ...body, log: false })) as Answer;
  return { ...visited, body, answer };
};

/** Ranks one request, shows the answer beside the truth, and answers a short request to try. */
export const showRequest = async (url: string, simulation: Simulation): Promise<object> => {
  const { request, pool, body, answer } = await preview(url, simulation, 0);
  const truth = simulation.world.truth(request.person, pool, request.time);
  const known = new Map(pool.map(({ id }, index) => [id, truth[index]]));
  print(`user ${request.person.id} on ${request.device}, ${pool.length} candidates, version ${answer.version}`);
  const heads = Object.keys(answer.items[0]?.heads ?? {});
  const rows = answer.items.map(({ id, position, score, heads: values }) => [
    position,
    id,
    score.toPrecision(3),
    ...heads.map((head) => (values[head] ?? Number.NaN).toFixed(3)),
    (known.get(id)?.click ?? Number.NaN).toFixed(3),
    (known.get(id)?.like ?? Number.NaN).toFixed(3),
  ]);
  print(formatTable(['#', 'video', 'score', ...heads, 'true click*', 'true like*'], rows));
  print('* what the simulator knows, for somebody who looks at the video; predictions include that many do not look');
  return { ...body, candidates: body.candidates.slice(0, 5), limit: 3 };
};

/** The true chances of what is ranked first, over requests that are not logged; the same requests every time. */
export const measureRanking = async (url: string, simulation: Simulation, requests = 200): Promise<TrueChances> => {
  let chances = noChances();
  for (let index = 0; index < requests; index++) {
    const { request, pool, answer } = await preview(url, simulation, index);
    const videos = new Map(pool.map((video) => [video.id, video]));
    const shown = answer.items.flatMap(({ id }) => videos.get(id) ?? []);
    chances = addChances(chances, { world: simulation.world, request, pool, shown });
  }
  return chances;
};
