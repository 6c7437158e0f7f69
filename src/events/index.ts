export { decodeEvent, encodeEvent } from './codec.js';
export { deadLetterRecord, decodeDeadLetter, encodeDeadLetter, type DeadLetter } from './dead-letter.js';
export { textOfFields } from './fields-codec.js';
export { isThisProcess, lives, thisProcess, type Holder } from './embedded/holder.js';
export { openEmbeddedLog, type EmbeddedLog, type EmbeddedLogOptions } from './embedded/log.js';
export { fieldNames, type FieldNames } from './fields-scan.js';
export { wholeImpression } from './logged-impression.js';
export { walk, type Walk } from './walk.js';
export { partitionOf, recordOf } from './record.js';
export * from './types.js';
export {
  compressions,
  openKafkaLog,
  saslMechanisms,
  type KafkaOptions,
  type KafkaSasl,
  type KafkaTls,
} from './kafka/index.js';
export { openSpooledLog, type SpooledLog } from './spool.js';
export { type SpoolStore, type SpoolUse } from './spool-queue.js';
