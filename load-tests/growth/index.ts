export { growthNames, measureGrowth, type GrowthTable } from './measure.js';
export { growthMarkdown, writeGrowth, type GrowthResult } from './report.js';
export { networks, withNetwork } from './sizes.js';
