import { join } from 'node:path';
import { Command } from 'commander';
import { loadRanker, streamSettings } from '../src/definition/index.js';
import { WatchnextError } from '../src/errors.js';
import type { EventLog } from '../src/events/index.js';
import { runJoin, type JoinProgress } from '../src/join/index.js';
import { openLog } from '../src/log.js';
import { logSettingNames } from '../src/settings.js';
import { createLogger, createMetrics } from '../src/telemetry/index.js';
import { createJoinerMetrics } from './join/index.js';
import { openMetricsPort } from './metrics-port.js';
import { note, print } from './output.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';
import { requireWritable } from './writable.js';

interface JoinFlags extends SettingFlags {
  readonly partitions?: string;
  readonly checkpoints?: string;
  readonly json?: boolean;
}

export const joinCommand = (): Command =>
  withSettings(
    new Command('join')
      .argument('<ranker>', 'a folder of the models folder, or its ranker.yaml')
      .option('--partitions <list>', 'which partitions of events, e.g. 0,1; all if left out')
      .option('--checkpoints <dir>', 'where its checkpoints are; .joiner in the ranker’s folder if left out')
      .option('--json', 'progress as JSON lines on stdout'),
    ['models', 'logLevel', ...logSettingNames, 'metricsPort', 'metricsHost'],
  )
    .addHelpText(
      'after',
      `
Every partition is joined by itself: several processes can share them, on several machines with Kafka. Stopped (Ctrl-C,
SIGTERM) or killed, the same command goes on from its last checkpoint; nothing is counted twice.

Examples:
  $ watchnext join films
  $ watchnext join films --log kafka --kafka-brokers localhost:9092 --partitions 0,1`,
    )
    .action(async (name: string, flags: JoinFlags, command: Command) => {
      const settings = settingsOf(command);
      const isPath = /[/\\]|\.ya?ml$/.test(name);
      const { definition } = await loadRanker(isPath ? name : join(settings.models, name));
      if (flags.checkpoints !== undefined) await requireWritable(flags.checkpoints, '--checkpoints');
      const log = await openLog(settings, {
        logger: createLogger({ level: settings.logLevel }),
        writes: ['examples', 'dead-letters'],
      });
      const metrics = createMetrics('joiner');
      const measured = createJoinerMetrics({ ranker: definition.name, metrics, now: Date.now });
      const tellNow = progressEvery(5000, (progress) => tell(progress, flags.json === true));
      let metricsPort: Awaited<ReturnType<typeof openMetricsPort>> | undefined;
      try {
        metricsPort = await openMetricsPort(settings, metrics);
        const chosen = flags.partitions === undefined ? undefined : await partitionsFlag(flags.partitions, log);
        const done = await runJoin({
          log,
          definition,
          directory: flags.checkpoints ?? join(settings.models, definition.name, '.joiner'),
          checkpointMs: streamSettings(definition).checkpointMs,
          signal: stopSignal(),
          onProgress: (progress) => {
            measured(progress);
            tellNow(progress);
          },
          onTrouble: ({ message }) => note(`warning: ${message}`),
          ...(chosen && { partitions: chosen }),
        });
        tell(done, flags.json === true);
      } finally {
        await metricsPort?.close();
        await log.close();
      }
    });

/** Ctrl-C or SIGTERM ends it after a last checkpoint. */
const stopSignal = (): AbortSignal => {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
};

const progressEvery = (ms: number, show: (progress: JoinProgress) => void): ((progress: JoinProgress) => void) => {
  let next = 0;
  return (progress) => {
    if (Date.now() < next) return;
    next = Date.now() + ms;
    show(progress);
  };
};

const tell = ({ records, counters, watermark }: JoinProgress, json: boolean): void => {
  const upTo = Number.isFinite(watermark) ? new Date(watermark).toISOString() : null;
  if (json) {
    print(JSON.stringify({ records, upTo, ...counters }));
    return;
  }
  const { examples, impressions, feedback, lateFeedback } = counters;
  const { orphanedFeedback, strangeFeedback, farAheadFeedback, unreadableEvents } = counters;
  const refused = orphanedFeedback + strangeFeedback + farAheadFeedback + unreadableEvents;
  note(
    `up to ${upTo ?? 'no time yet'}: ${impressions} impressions, ${feedback} feedback, ${examples} examples` +
      (lateFeedback > 0 ? `, ${lateFeedback} late` : '') +
      (refused > 0 ? `, ${refused} dead letters` : ''),
  );
};

const partitionsFlag = async (text: string, log: EventLog): Promise<number[]> => {
  const count = await log.partitions('events');
  const partitions = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (partitions.some((partition) => !(partition < count)) || new Set(partitions).size < partitions.length) {
    throw new WatchnextError(
      'usage',
      `--partitions ${text}: the log has partitions 0 to ${count - 1}, each at most once`,
    );
  }
  return partitions;
};
