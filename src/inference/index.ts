export type { RankerStatus, Rankers, Refusal, ServedModel } from './models.js';
export type { Device, Scorer, Scores } from './types.js';
