export { openServiceClient, type ServiceClientOptions } from './client.js';
export { dayHeader, tellArms, tellDay, tellHappened } from './tables.js';
