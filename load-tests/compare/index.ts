export { buildCheckout, type BuiltCheckout } from './checkout.js';
export { compareRounds, comparisonTable, type Comparison, type Measures } from './ratios.js';
export { compareCheckouts, type ComparedSubject, type Subject } from './run.js';
