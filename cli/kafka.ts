import { Command, Option } from 'commander';
import { kafkaVersions, startBroker } from './kafka/index.js';
import { keepServer, portNumber } from './keep-server.js';
import { note, print, printError } from './output.js';

interface KafkaFlags {
  readonly port: number;
  readonly kafka: string;
  readonly data?: string;
}

const runBroker = async (flags: KafkaFlags): Promise<void> => {
  note(`Apache Kafka ${flags.kafka}: fetching what is not in .cache/kafka, then starting`);
  const broker = await startBroker({
    version: flags.kafka,
    port: flags.port,
    ...(flags.data === undefined ? {} : { dataDirectory: flags.data }),
  });
  print(broker.brokers.join(','));
  note(
    `Apache Kafka ${broker.version} is running as process ${broker.pid()}, data ${flags.data ?? 'temporary'}; Ctrl-C stops it`,
  );
  await keepServer(broker, 'broker');
};

try {
  await new Command('kafka')
    .description('run an Apache Kafka broker (one node, KRaft) on loopback; needs Java 17 and Maven')
    .option('--port <port>', 'where it listens; 0 picks a free port', portNumber, 9092)
    .addOption(
      new Option('--version <version>', `${Object.keys(kafkaVersions).join(', ')} or an exact version`).default(
        '4',
        '4',
      ),
    )
    .option('--data <dir>', 'keep the data here; otherwise it is temporary')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm run kafka\n  $ npm run kafka -- --port 0 --version 3.9\n  $ npm run kafka -- --data .cache/kafka-data',
    )
    .action(({ version, ...flags }: Omit<KafkaFlags, 'kafka'> & { version: string }) =>
      runBroker({ ...flags, kafka: version }),
    )
    .parseAsync();
} catch (error) {
  process.exitCode = printError(error, { json: false });
}
