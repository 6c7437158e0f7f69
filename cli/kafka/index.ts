export { startBroker, type Broker, type BrokerOptions, type ScramUser } from './broker.js';
export { missingPrograms } from './programs.js';
export { exactVersion, kafkaVersions } from './versions.js';
