export { linePlot } from './plots.js';
export { hasFailed, type ScenarioResult } from './result.js';
export { resultText } from './text.js';
export { growthFile, writeIndex, writeResult } from './write.js';
