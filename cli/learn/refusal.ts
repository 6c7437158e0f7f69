import { WatchnextError } from '../../src/errors.js';

/** What keeps a learner from beginning or going on, said in its terms; any other error as it is. */
export const learnerRefusal = (error: unknown, checkpoints: string): unknown => {
  if (!(error instanceof WatchnextError)) return error;
  const { code, problems } = error;
  if (code === 'log_locked' && problems.some(({ path }) => path.endsWith('dead-letters'))) {
    return new WatchnextError('log_locked', 'Another learner of this ranker works on this embedded log.', {
      problems: problems.map(({ path, message }) => ({
        path,
        message,
        hint: 'a ranker has one learner: stop that process first',
      })),
      cause: error,
    });
  }
  if (code === 'log_gap') {
    return new WatchnextError('log_gap', error.message, {
      problems: [
        ...problems,
        {
          path: checkpoints,
          message:
            'the learner goes on where its checkpoint or version left the log, and the log does not have that place',
          hint: 'if this is another log, or a new one: activate a version that was trained from files (`watchnext train`, or POST /v1/models/<ranker>/activate) and name another folder with --checkpoints; it begins at the start of this log',
        },
      ],
      cause: error,
    });
  }
  return error;
};
