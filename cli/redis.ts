import { Command } from 'commander';
import { keepServer, portNumber } from './keep-server.js';
import { note, print, printError } from './output.js';
import { startRedis } from './redis/index.js';

interface RedisFlags {
  readonly port: number;
  readonly data?: string;
}

const runRedis = async ({ port, data }: RedisFlags): Promise<void> => {
  note('Redis: looking for redis-server on PATH, else in .cache/redis, else fetching it; then starting');
  const server = await startRedis({ port, ...(data === undefined ? {} : { dataDirectory: data }) });
  print(server.url);
  note(`Redis ${server.version} is running as process ${server.pid()}, data ${data ?? 'temporary'}; Ctrl-C stops it`);
  await keepServer(server, 'server');
};

try {
  await new Command('redis')
    .description('run a Redis server on loopback: one that is on PATH, or one that Maven fetches')
    .option('--port <port>', 'where it listens; 0 picks a free port', portNumber, 6379)
    .option('--data <dir>', 'keep the data here; otherwise it is temporary')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm run redis\n  $ npm run redis -- --port 0\n  $ npm run redis -- --data .cache/redis-data',
    )
    .action(runRedis)
    .parseAsync();
} catch (error) {
  process.exitCode = printError(error, { json: false });
}
