import { startRedis, type RedisServer, type RedisServerOptions } from '../../cli/redis/index.js';

/** A Redis server for tests, or undefined and one loud line where none can be had. */
export const redisUnderTest = async (options: RedisServerOptions = {}): Promise<RedisServer | undefined> => {
  try {
    return await startRedis(options);
  } catch (error) {
    const { problems = [] } = error as { problems?: readonly { path: string; message: string }[] };
    const reasons = problems.map(({ path, message }) => `${path} ${message}`).join(', ');
    process.stderr.write(`SKIPPED, NO REDIS TO TEST ON: ${reasons === '' ? String(error) : reasons}\n`);
    return undefined;
  }
};
