export { linePlot, plotsOf } from './plots.js';
export { hasFailed, type ScenarioResult } from './result.js';
export { indexMarkdown, markdownTable, outcomeWord, resultMarkdown, resultText } from './text.js';
export { growthFile, writeIndex, writeResult } from './write.js';
