export { judge, type Candidate, type Contender, type JudgeOptions } from './gate.js';
export { measureHeads } from './measures.js';
export type * from './types.js';
export { createWindows, type MeasuredBy, type Windows, type WindowsOptions } from './windows.js';
