export {
  examine,
  type ExaminationReport,
  type ExamineOptions,
  type HeadExamination,
  type PositionExamination,
} from './examine.js';
export { examinationByLists, type ListCell } from './lists.js';
export { examinationBySwaps, type SwapOptions } from './swaps.js';
export { examinationByTower, type TowerOptions } from './tower.js';
export type * from './types.js';
export { examinationPlot } from './plot.js';
export { examinationTable, statements } from './report.js';
