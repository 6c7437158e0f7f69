import type { Fields, FieldValue, RankingInput } from '../../src/features/index.js';

const longListLength = 200;

/**
 * Requests on which a sealed ranker must agree with its trainer: some of the log, and the edges: nothing known about the
 * user, the context or the candidates; ids and values nobody has seen; missing values; one candidate; a long list.
 */
export function goldenRequests(sample: readonly RankingInput[], time: number): RankingInput[] {
  const logged = sample.slice(0, 20).map((request) => shorten({ ...request, time }));
  const [typical] = logged;
  if (typical === undefined) return [];
  const { user, context, candidates } = typical;
  const pool = sample.flatMap((request) => request.candidates);
  return [
    ...logged,
    { time, user: {}, context, candidates },
    { time, user, context: {}, candidates },
    { time, user, context, candidates: [{}, ...candidates.slice(0, 3)] },
    { time, user: {}, context: {}, candidates: [{}] },
    { time, user: strange(user), context: strange(context), candidates: candidates.map(strange) },
    { time, user: missing(user), context: missing(context), candidates: candidates.map(missing) },
    { time, user, context, candidates: candidates.slice(0, 1) },
    {
      time,
      user,
      context,
      candidates: Array.from({ length: longListLength }, (_, i) => pool[i % pool.length] as Fields),
    },
  ];
}

function shorten(request: RankingInput): RankingInput {
  return { ...request, candidates: request.candidates.slice(0, 25) };
}

/** Values never seen in training, of the same type. */
function strange(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]): [string, FieldValue] => {
      if (typeof value === 'string') return [name, `never seen ${value}`];
      if (typeof value === 'number') return [name, -value - 1];
      return [name, value];
    }),
  );
}

function missing(fields: Fields): Fields {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
}
