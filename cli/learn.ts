import { basename, dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { openArtifacts } from '../src/artifact/index.js';
import { logSettingNames } from '../src/settings.js';
import { createLogger, createMetrics } from '../src/telemetry/index.js';
import {
  briefMeasures,
  runLearner,
  type LearnerNews,
  type LearnerReport,
  type LearnerStatus,
} from '../training/stream/index.js';
import {
  changedParts,
  createLearnerMetrics,
  durationText,
  learnerRefusal,
  openLearnerLog,
  waitText,
} from './learn/index.js';
import { openMetricsPort } from './metrics-port.js';
import { note, print } from './output.js';
import { engineNamed } from './ranker.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';
import { requireWritable } from './writable.js';

interface LearnFlags extends SettingFlags {
  readonly from: 'events' | 'examples';
  readonly checkpoints?: string;
  readonly engine: string;
  readonly untilEnd?: boolean;
  readonly byEventTime?: boolean;
  readonly publish: boolean;
  readonly sealAtEnd?: boolean;
  readonly json?: boolean;
}

export const learnCommand = (): Command =>
  withSettings(
    new Command('learn')
      .argument('<ranker>', 'a folder of the models folder, or its ranker.yaml')
      .addOption(
        new Option('--from <topic>', 'join here, or read what `watchnext join` wrote')
          .choices(['events', 'examples'])
          .default('events'),
      )
      .option('--checkpoints <dir>', 'where its checkpoints are; .learner in the ranker’s folder if left out')
      .addOption(
        new Option('--engine <engine>', 'what executes the training step')
          .choices(['onnx', 'tfjs-node'])
          .default('onnx'),
      )
      .option('--until-end', 'end when the log has nothing more; it is followed for ever if left out')
      .option('--by-event-time', 'publish, seal and save by the time of the events: for a log in accelerated time')
      .option('--no-publish', 'learn without publishing anything')
      .option('--seal-at-end', 'seal a version, through the gate, before it ends')
      .option('--json', 'progress and result as JSON lines on stdout'),
    ['models', 'logLevel', ...logSettingNames, 'metricsPort', 'metricsHost'],
  )
    .addHelpText(
      'after',
      `
Begins at the active version, or where the last checkpoint was. Stopped (Ctrl-C, SIGTERM) or killed, the same command goes
on to the same weights. A ranker has one learner; learners of several rankers run side by side. What is shown is learned when
the wait of its labels is over: ten minutes, if ranker.yaml says nothing else (labels: {click: {wait: 30s}}). On another log,
begin at a version trained from files.

Examples:
  $ watchnext learn films
  $ watchnext learn films --until-end --seal-at-end
  $ watchnext learn films --metrics-port 9464      then http://127.0.0.1:9464/metrics and /healthz
  $ watchnext learn films --log kafka --kafka-brokers localhost:9092 --from examples`,
    )
    .action(async (name: string, flags: LearnFlags, command: Command) => {
      const settings = settingsOf(command);
      const isPath = /[/\\]|\.ya?ml$/.test(name);
      const folder = isPath && /\.ya?ml$/.test(name) ? dirname(name) : name;
      const ranker = basename(folder);
      const models = isPath ? dirname(folder) : settings.models;
      const json = flags.json === true;
      const checkpoints = flags.checkpoints ?? join(models, ranker, '.learner');
      const refuse = (error: unknown): never => {
        throw learnerRefusal(error, checkpoints);
      };
      await refuseUnknown(models, ranker);
      if (flags.checkpoints !== undefined) await requireWritable(flags.checkpoints, '--checkpoints');
      const opened = await openLearnerLog(settings, {
        joins: flags.from === 'events',
        aside: join(checkpoints, 'dead-letters'),
        logger: createLogger({ level: settings.logLevel }),
      }).catch(refuse);
      const { log, aside } = opened;
      const clock = flags.byEventTime === true ? 'stream' : 'wall';
      const metrics = createMetrics('learner');
      const measured = createLearnerMetrics({ ranker, metrics, now: Date.now, clock });
      const onDeadLetter = opened.onDeadLetter && measured.counting(opened.onDeadLetter);
      let metricsPort: Awaited<ReturnType<typeof openMetricsPort>> | undefined;
      try {
        metricsPort = await openMetricsPort(settings, metrics);
        const report = await runLearner({
          models,
          ranker,
          log,
          from: flags.from,
          checkpoints,
          engine: await engineNamed(flags.engine),
          untilEnd: flags.untilEnd === true,
          clock,
          publish: flags.publish,
          sealAtEnd: flags.sealAtEnd === true,
          signal: stopSignal(),
          onWatermark: measured.onWatermark,
          onNews: (news) => {
            measured.onNews(news);
            if (json) print(JSON.stringify({ at: new Date().toISOString(), ...news, definition: undefined }));
            else tell(news);
            if (news.kind === 'started' && aside !== undefined) note(asideText(aside));
            if (news.kind === 'started') void tellChanges(join(models, ranker, 'ranker.yaml'), news);
          },
          onStatus: (status) => {
            measured.onStatus(status);
            if (json) print(JSON.stringify(plain(status)));
            else note(line(status));
          },
          ...(onDeadLetter && { onDeadLetter }),
        }).catch(refuse);
        if (json) print(JSON.stringify({ ended: true, ...plain(report) }));
        else print(summary(ranker, report));
      } finally {
        await metricsPort?.close();
        await opened.close();
      }
    });

/** Before anything is opened, so that a slip in the name makes no folder of that name. */
const refuseUnknown = async (models: string, ranker: string): Promise<void> => {
  const artifacts = openArtifacts(models);
  if (!(await artifacts.list()).some((each) => each.ranker === ranker)) await artifacts.load(ranker);
};

const asideText = (folder: string): string =>
  `another learner or joiner writes the dead letters of this log; those of this one are in ${folder} ` +
  `(watchnext log tail --topic dead-letters --from start --log-directory ${folder})`;

/** Ctrl-C or SIGTERM ends it after the batch under way, with a checkpoint; a second Ctrl-C ends at once. */
const stopSignal = (): AbortSignal => {
  const controller = new AbortController();
  const stop = (): void => {
    note('stopping after a checkpoint; the same command goes on from here');
    controller.abort();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', () => {
    stop();
    process.once('SIGINT', () => process.kill(process.pid, 'SIGKILL'));
  });
  return controller.signal;
};

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

const line = (status: LearnerStatus): string => {
  const { eventsPerSecond, rowsPerSecond, losses, measures, lagMs, version } = status;
  const total = Object.values(losses).reduce((sum, loss) => sum + loss, 0);
  return [
    `${whole(eventsPerSecond)} events/s, ${whole(rowsPerSecond)} rows/s`,
    ...(Object.keys(losses).length > 0 ? [`loss ${total.toFixed(4)}`] : []),
    status.rows === 0 ? 'no row learned yet' : briefMeasures(measures),
    ...(lagMs === undefined ? [] : [`${durationText(lagMs)} behind`]),
    version,
  ].join(' · ');
};

const tell = (news: LearnerNews): void => {
  if ('what' in news) {
    const what = news.what === 'update' ? 'update' : 'version';
    if (news.kind === 'published') note(`${what} ${news.version} published`);
    else note(`${what} ${news.kind === 'refused' ? 'refused by the gate' : 'not published'}: ${news.reason}`);
    return;
  }
  switch (news.kind) {
    case 'started':
      note(`learning on from ${news.version}${news.from === 'checkpoint' ? `, checkpoint at step ${news.steps}` : ''}`);
      note(waitText(news.definition) ?? 'what is shown is learned at once, and again when feedback comes');
      return;
    case 'retreat':
      note(`the service goes back from ${news.from} to ${news.to}: ${news.reason}`);
      return;
    case 'warning':
      note(`warning: ${news.message}`);
      return;
    case 'checkpoint':
  }
};

const tellChanges = async (
  file: string,
  { version, definition }: Extract<LearnerNews, { readonly kind: 'started' }>,
): Promise<void> => {
  const changed = await changedParts(file, definition);
  if (changed.length === 0) return;
  note(
    `warning: ${file} has other ${changed.join(', ')} than ${version} was trained with: learning goes by the version; train for a new one`,
  );
};

/** JSON has no NaN: what could not be measured is null. */
const plain = (status: LearnerStatus | LearnerReport): object => ({
  ...status,
  measures: Object.fromEntries(
    Object.entries(status.measures).map(([task, measure]) => [
      task,
      Object.fromEntries(Object.entries(measure).map(([name, value]) => [name, Number.isFinite(value) ? value : null])),
    ]),
  ),
});

const summary = (
  ranker: string,
  { events, rows, counts, sources, seconds, version, measures, published, sealed }: LearnerReport,
): string => {
  const passed = counts.foreign + counts.otherDefinition + counts.otherArms + counts.unreadable + counts.older;
  return [
    `${ranker}: ${whole(events)} log records in ${seconds.toFixed(1)} s; ${whole(rows)} rows learned in all, at ${version}`,
    `over the last rows: ${briefMeasures(measures)}`,
    `${published} updates and ${sealed.length} versions published${passed > 0 ? `; ${whole(passed)} requests passed over (${whole(counts.older)} known, ${whole(counts.otherDefinition)} of another definition, ${whole(counts.otherArms)} in other arms, ${whole(counts.unreadable)} unreadable)` : ''}`,
    ...sourceLines(sources),
  ].join('\n');
};

/** Where rows came from, where that is more than one ranker without arms. */
const sourceLines = (sources: LearnerReport['sources']): string[] =>
  Object.entries(sources).flatMap(([served, { rows, arms }]) => {
    const inArms = Object.entries(arms).map(([arm, of]) => `${arm} ${whole(of)}`);
    if (inArms.length === 0 && Object.keys(sources).length === 1) return [];
    return [`rows of lists that ${served} served: ${whole(rows)}${inArms.length > 0 ? ` (${inArms.join(', ')})` : ''}`];
  });
