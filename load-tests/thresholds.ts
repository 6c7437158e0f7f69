import type { Threshold } from './measure/index.js';
import type { ScenarioName } from './scenarios/index.js';

const nothingFails: Threshold = {
  measure: 'failed',
  atMost: 0,
  reason: 'no broken connection, no 5xx but 503 with Retry-After, no answer later than 10 s',
};
const noFallback: Threshold = {
  measure: 'fallbacks',
  atMost: 0,
  reason: 'at a load that it can serve, everybody gets the ranking, not the fallback order',
};
const tenMilliseconds = (measure: string): Threshold => ({
  measure,
  atMost: 10,
  reason: 'a page waits for the ranking; 10 ms is what is promised at half of saturation with 200 candidates',
});

/** What every scenario must hold. Ratios are taken within one run: they say the same on a slow machine as on a fast one. */
export const thresholds: Readonly<Record<ScenarioName, readonly Threshold[]>> = {
  smoke: [
    nothingFails,
    { measure: 'p99Ms', atMost: 3000, reason: 'loose: machines that run tests are shared; what hangs is still found' },
    { measure: 'okPerSecond', atLeast: 2, reason: 'of the 15 a second that were offered, likewise' },
    { measure: 'deltas', atLeast: 1, reason: 'the update that was published is applied' },
    { measure: 'swaps', atLeast: 1, reason: 'the version that was activated serves' },
  ],
  steady: [nothingFails, noFallback, tenMilliseconds('p99Ms')],
  ramp: [
    nothingFails,
    tenMilliseconds('p99At50PercentMs'),
    { measure: 'okShareTo75Percent', atLeast: 0.999, reason: 'nothing is turned away where there is room' },
    {
      measure: 'throughputAt150PercentShare',
      atLeast: 0.9,
      reason: 'beyond saturation it goes on answering as much as it can; a step is short, hence not 0.95',
    },
  ],
  spike: [
    nothingFails,
    {
      measure: 'recoverySeconds',
      atMost: 3,
      reason: 'a spike of 3 s is over when it is over: what was late is not kept',
    },
  ],
  overload: [
    nothingFails,
    { measure: 'acceptedP99Ratio', atMost: 2, reason: 'who is accepted is served as if there were no overload' },
    { measure: 'throughputShare', atLeast: 0.95, reason: 'turning away must cost next to nothing' },
    { measure: 'againP99Ratio', atMost: 1.5, reason: 'it leaves nothing behind; two short stretches differ by chance' },
  ],
  'cold-start': [
    nothingFails,
    { measure: 'readyMs', atMost: 10_000, reason: 'an autoscaled replica must help while the spike is there' },
    { measure: 'firstP99Ms', atMost: 100, reason: 'ready means warm: the first requests are answered as requests are' },
  ],
  swap: [
    nothingFails,
    noFallback,
    { measure: 'p99Ratio', atMost: 1.2, reason: 'nobody notices a new version' },
    { measure: 'swaps', atLeast: 4, reason: 'the comparison compares something' },
  ],
  delta: [
    nothingFails,
    noFallback,
    { measure: 'p99Ratio', atMost: 1.1, reason: 'learning goes on all the time: its price is paid all the time' },
    { measure: 'deltas', atLeast: 10, reason: 'the comparison compares something' },
    { measure: 'refusedDeltas', atMost: 0, reason: 'every update agrees with its golden rows' },
  ],
  'log-away': [
    nothingFails,
    noFallback,
    { measure: 'eventsDropped', atMost: 0, reason: 'what was shown waits on disk until the log is back' },
    {
      measure: 'waitingAtEnd',
      atMost: 0,
      reason: 'what waited has been forwarded within a minute of the load',
    },
    { measure: 'answeredShareAway', atLeast: 0.999, reason: 'ranking needs no log' },
    { measure: 'awayP99Ratio', atMost: 2, reason: 'the disk takes the place of Kafka, at a price' },
    { measure: 'afterP99Ratio', atMost: 2, reason: 'it recovers by itself' },
  ],
  'store-away': [
    nothingFails,
    noFallback,
    { measure: 'answeredShareAway', atLeast: 0.999, reason: 'memory and defaults stand in, and the answer says so' },
    { measure: 'degraded', atLeast: 1, reason: 'it does say so' },
    { measure: 'degradedAfter', atMost: 0, reason: 'it recovers by itself' },
    { measure: 'afterP99Ratio', atMost: 2, reason: 'and is as fast as before' },
  ],
  soak: [
    nothingFails,
    noFallback,
    {
      measure: 'memoryGrowthShare',
      atMost: 0.05,
      reason: 'flat: what grows by more than this in ten minutes does not stop',
    },
    { measure: 'p99LastToFirst', atMost: 1.3, reason: 'held: chance moves the p99 of 150 s by some 10 %' },
    { measure: 'refusedDeltas', atMost: 0, reason: 'every update agrees with its golden rows' },
  ],
};
