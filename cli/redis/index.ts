export type { RedisProgram } from './program.js';
export { startRedis, type RedisServer, type RedisServerOptions } from './server.js';
