import type { Static } from '@sinclair/typebox';
import { WatchnextError, type Problem } from '../errors.js';
import type { EntityId, Rank, RankRequest } from '../ranking/index.js';
import { saidTime, type SaidClock } from './clock.js';
import { route, type Route } from './route.js';
import { RankBody, RankReply } from './schemas.js';
import type { Visit } from './visit.js';

/** POST /v1/rank. */
export const rankRoute = (rank: Rank, maxCandidates: number, clock?: SaidClock): Route =>
  route({
    method: 'post',
    path: '/v1/rank',
    summary: 'Rank candidates for a user',
    description: `Up to ${maxCandidates} candidates. Fields that are left out are taken from what was put before.`,
    body: RankBody,
    answers: RankReply,
    refuses: ['ranker_unknown', 'head_unknown', 'weight_out_of_bounds', 'not_ready', 'overloaded'],
    takesTurns: true,
    role: 'rank',
    candidates: candidatesOf,
    precheck: (body) => refuseTooMany(body, maxCandidates),
    handle: async ({ body, requestId, visit, timeline }) => ({
      json: await rank(
        toRequest(body, clock, { requestId, ...(visit && waiting(visit)), ...(timeline && { timeline }) }),
      ),
    }),
  });

const waiting = ({ deadline, signal, overloaded }: Pick<Visit, 'deadline' | 'signal' | 'overloaded'>) => ({
  deadline,
  signal,
  ...(overloaded && { overloaded }),
});

const candidatesOf = (body: unknown): number => {
  const candidates = (body as { candidates?: unknown } | null)?.candidates;
  return Array.isArray(candidates) ? candidates.length : 0;
};

const refuseTooMany = (body: unknown, most: number): void => {
  const count = candidatesOf(body);
  if (count <= most) return;
  throw new WatchnextError('request_too_large', `${count} candidates are too many.`, {
    problems: [
      {
        path: '/candidates',
        message: `has ${count} elements, at most ${most} are allowed`,
        hint: 'retrieve fewer, send several requests, or start the service with a larger --max-candidates (WATCHNEXT_MAX_CANDIDATES)',
      },
    ],
  });
};

const toRequest = (
  body: Static<typeof RankBody>,
  clock: SaidClock | undefined,
  around: Pick<RankRequest, 'requestId' | 'deadline' | 'signal' | 'overloaded' | 'timeline'>,
): RankRequest => {
  const { user, candidates, time: sent, ...rest } = body;
  refuseDuplicates(candidates);
  const time = saidTime(sent, clock);
  if (time !== undefined) clock?.hear(time);
  return {
    candidates: candidates.map((candidate) => ({ id: candidate.id, fields: withoutId(candidate).fields })),
    ...rest,
    ...around,
    ...(time !== undefined && { time }),
    ...(user !== undefined && { user: withoutId(user) }),
  };
};

const withoutId = ({
  id,
  ...fields
}: Static<typeof RankBody>['candidates'][number] | NonNullable<Static<typeof RankBody>['user']>) =>
  id === undefined ? { fields } : { id, fields };

const refuseDuplicates = (candidates: readonly { readonly id: EntityId }[]): void => {
  const seen = new Map<string, number>();
  const problems: Problem[] = [];
  candidates.forEach(({ id }, index) => {
    const earlier = seen.get(String(id));
    if (earlier === undefined) seen.set(String(id), index);
    else
      problems.push({
        path: `/candidates/${index}/id`,
        message: `${JSON.stringify(id)} is the id of candidate ${earlier} too`,
        hint: 'send each candidate once',
      });
  });
  if (problems.length > 0)
    throw new WatchnextError('request_invalid', 'Candidate ids must be unique.', { problems: problems.slice(0, 20) });
};
