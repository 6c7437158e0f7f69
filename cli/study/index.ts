import { freshness } from './freshness.js';
import { table1 } from './table1.js';
import { table2 } from './table2.js';
import type { Study } from './types.js';
import { weights } from './weights.js';

/** In the order of the index. */
export const studies = { table1, table2, freshness, weights } as const satisfies Record<string, Study>;
export type StudyName = keyof typeof studies;

export type { Study, StudyOutcome, StudySize } from './types.js';
export { runStudy, type RunStudyOptions } from './run.js';
