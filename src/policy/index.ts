export { logChances, propensities, type ListOptions } from './chances.js';
export { combine, scorePart, type Combination } from './combine.js';
export { wholeList, type WholeList } from './logged.js';
export { topRows } from './order.js';
export { utilities, varies, type OrderPolicy } from './order-policy.js';
export { sampleOrder, type DrawnOrder, type SampleOptions } from './sample.js';
export { orderRandom } from './seeded.js';
