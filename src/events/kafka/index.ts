export { openKafkaLog } from './log.js';
export { compressions, saslMechanisms, type KafkaOptions, type KafkaSasl, type KafkaTls } from './options.js';
