/** What was learned since this was last taken. */
export interface LearnedPart {
  /** Event time up to which everything is learned; -Infinity before the first batch. */
  readonly until: number;
  readonly rows: number;
  /** Event times of feedback in it; every so many of them, if there were very many. */
  readonly feedbackTimes: Float64Array;
}

/** Of feedback times, every `stride`-th of those seen is kept. */
export interface LearnedSoFar {
  readonly rows: number;
  readonly feedbackTimes: readonly number[];
  readonly stride: number;
  readonly seen: number;
}

const mostFeedbackTimes = 256;

export const nothingLearned: LearnedSoFar = { rows: 0, feedbackTimes: [], stride: 1, seen: 0 };

/** With these times too: when there are too many, every other one goes, and half as many are taken from then on. */
export const sampled = ({ rows, ...before }: LearnedSoFar, parts: readonly Float64Array[]): LearnedSoFar => {
  let { stride, seen } = before;
  let feedbackTimes = [...before.feedbackTimes];
  for (const times of parts) {
    for (const time of times) {
      if (seen++ % stride === 0) feedbackTimes.push(time);
      if (feedbackTimes.length < mostFeedbackTimes) continue;
      feedbackTimes = feedbackTimes.filter((_, i) => i % 2 === 0);
      stride *= 2;
    }
  }
  return { rows, feedbackTimes, stride, seen };
};
