export { decodeEvent, encodeEvent } from './codec.js';
export { deadLetterRecord, decodeDeadLetter, encodeDeadLetter, type DeadLetter } from './dead-letter.js';
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
