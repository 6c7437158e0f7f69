import { Command, InvalidArgumentError } from 'commander';
import { topics, type EventLog, type Topic } from '../src/events/index.js';
import { pointInTime, positiveNumber } from './arguments.js';
import { openTopicsToRead } from './event-log.js';
import { instant, statsOf, tail, verifyTopic, type PartitionStats } from './log/index.js';
import { createProgress, formatTable, print } from './output.js';
import { settingsOf, withLogSettings } from './settings.js';

interface CommonFlags {
  readonly topic?: Topic;
  readonly json?: boolean;
}
interface TailFlags extends CommonFlags {
  readonly from: 'start' | 'end' | { readonly time: number };
  readonly count?: number;
  readonly markers?: boolean;
}

export const logCommand = (): Command =>
  new Command('log')
    .addCommand(tailCommand())
    .addCommand(statsCommand())
    .addCommand(verifyCommand())
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext log tail
  $ watchnext log tail --topic dead-letters --from start      what could not be used, and why
  $ watchnext log stats
  $ watchnext log verify --log-directory /backup/log`,
    );

const topicOf = (text: string): Topic => {
  const topic = topics.find((each) => each === text);
  if (topic === undefined) throw new InvalidArgumentError(`must be one of ${topics.join(', ')}.`);
  return topic;
};

const fromOf = (text: string): TailFlags['from'] =>
  text === 'start' || text === 'end' ? text : { time: pointInTime(text) };

const tailCommand = (): Command =>
  withLogSettings(
    new Command('tail')
      .description('print what comes into the log, one line each, until Ctrl-C')
      .option('--topic <topic>', `${topics.join(', ')}; events if left out`, topicOf)
      .option('--from <where>', 'start, end, or a time: records from then on', fromOf, 'end' as const)
      .option('--count <n>', 'end after so many', positiveNumber)
      .option('--markers', 'time markers too: one a second and partition says that time has passed')
      .option('--json', 'as NDJSON, whole but for the features'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext log tail --from start --count 20
  $ watchnext log tail --topic dead-letters --from start --json | jq .reason`,
    )
    .action(async (flags: TailFlags, command: Command) => {
      const { topic = 'events', from, count, markers = false, json = false } = flags;
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
      await withLog(command, { ...flags, topic }, (log) =>
        tail({ log, topic, from, json, markers, ...(count !== undefined && { count }), print, signal: stop.signal }),
      );
    });

const statsCommand = (): Command =>
  withLogSettings(
    new Command('stats')
      .description('count the records of each topic and partition: how many, how large, from when, of which kinds')
      .option('--topic <topic>', `${topics.join(', ')}; all if left out`, topicOf)
      .option('--json', 'as JSON on stdout'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext log stats
  $ watchnext log stats --log kafka --kafka-brokers localhost:9092 --topic events`,
    )
    .action(async (flags: CommonFlags, command: Command) => {
      const stats: PartitionStats[] = [];
      await withLog(command, flags, async (log, there, progress) => {
        for (const topic of there) stats.push(...(await statsOf(log, topic, progress(topic))));
      });
      if (flags.json === true) print(JSON.stringify(stats));
      else print(statsTable(stats));
    });

const verifyCommand = (): Command =>
  withLogSettings(
    new Command('verify')
      .description('read every record in all its parts; ends with 1 if any is damaged')
      .option('--topic <topic>', `${topics.join(', ')}; all if left out`, topicOf)
      .option('--json', 'as JSON on stdout'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext log verify
  $ watchnext log verify --log-directory /backup/log --json`,
    )
    .action(async (flags: CommonFlags, command: Command) => {
      const found = await withLog(command, flags, async (log, there, progress) => {
        const results = [];
        for (const topic of there) results.push(await verifyTopic(log, topic, progress(topic)));
        return results;
      });
      const records = found.reduce((sum, each) => sum + each.records, 0);
      const damaged = found.reduce((sum, each) => sum + each.damaged, 0);
      const damage = found.flatMap((each) => each.damage);
      if (flags.json === true) print(JSON.stringify({ records, damaged, damage }));
      else {
        for (const { topic, partition, offset, reason } of damage) print(`${topic} ${partition}/${offset}: ${reason}`);
        if (damaged > damage.length) print(`and ${damaged - damage.length} more`);
        print(
          `${records.toLocaleString('en-US')} records, ${damaged === 0 ? 'all can be read' : `${damaged} damaged`}`,
        );
      }
      if (damaged > 0) process.exitCode = 1;
    });

type Progress = (topic: Topic) => (done: number, total: number) => void;

/** Opens the log to read, and says which of the wanted topics are there: an embedded one that is not there is not made. */
const withLog = async <T>(
  command: Command,
  { topic, json }: CommonFlags,
  work: (log: EventLog, there: readonly Topic[], progress: Progress) => Promise<T>,
): Promise<T> => {
  const { log, there } = await openTopicsToRead(settingsOf(command), topic === undefined ? topics : [topic]);
  const progress = createProgress(json !== true);
  try {
    return await work(
      log,
      there,
      (label) => (done, total) => progress.show({ label: `reading ${label}`, done, total }),
    );
  } finally {
    progress.stop();
    await log.close();
  }
};

const statsTable = (stats: readonly PartitionStats[]): string => {
  const rows = stats.map(({ topic, partition, first, next, records, bytes, earliest, latest, kinds }) => [
    topic,
    partition,
    first,
    next,
    records,
    bytes,
    earliest === undefined ? '' : instant(earliest),
    latest === undefined ? '' : instant(latest),
    Object.entries(kinds)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', '),
  ]);
  return formatTable(['topic', 'partition', 'first', 'next', 'records', 'bytes', 'from', 'until', 'kinds'], rows);
};
