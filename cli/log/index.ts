export { instant } from './content.js';
export { statsOf, type PartitionStats } from './stats.js';
export { tail } from './tail.js';
export { verifyTopic, type Damage, type Verified } from './verify.js';
