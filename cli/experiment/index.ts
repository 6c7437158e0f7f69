export { assignCommand } from './assign.js';
export { checkCommand } from './check.js';
