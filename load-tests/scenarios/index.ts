import { coldStart } from './cold-start.js';
import { delta } from './delta.js';
import { logAway } from './log-away.js';
import { overload } from './overload.js';
import { ramp } from './ramp.js';
import { smoke } from './smoke.js';
import { soak } from './soak.js';
import { spike } from './spike.js';
import { steady } from './steady.js';
import { storeAway } from './store-away.js';
import { swap } from './swap.js';
import type { Scenario } from './types.js';

export { answeredPerSecond, createLab, planFor, type Drive, type Lab, type LabOptions, type Subject } from './lab.js';
export { Lacking, type Finding, type Scenario } from './types.js';

/** In the order in which all of them run: the longest last. */
export const scenarios = {
  ...{ smoke, steady, ramp, spike, overload },
  'cold-start': coldStart,
  ...{ swap, delta },
  'log-away': logAway,
  'store-away': storeAway,
  soak,
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof scenarios;
export const scenarioNames = Object.keys(scenarios) as ScenarioName[];
export const isScenarioName = (name: string): name is ScenarioName => Object.hasOwn(scenarios, name);
