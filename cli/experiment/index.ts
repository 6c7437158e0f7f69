export { assignCommand } from './assign.js';
export { checkCommand } from './check.js';
export { planCommand } from './plan.js';
export { reportCommand } from './report.js';
