import { Command, InvalidArgumentError, Option } from 'commander';
import { runWorld, type WorldReport } from '../training/dataset/index.js';
import { duration, pointInTime, positiveNumber, wholeNumber } from './arguments.js';
import { createProgress, note, print } from './output.js';
import { dayHeader, openServiceClient, tellArms, tellDay, tellHappened } from './world/index.js';

interface WorldFlags {
  readonly service: string;
  readonly ranker?: string;
  readonly users: number;
  readonly days: number;
  readonly firstDay: number;
  readonly seed: number;
  readonly requestsPerDay?: number;
  readonly videosPerDay: number;
  readonly newUsers: number;
  readonly sources?: boolean;
  readonly loss: number;
  readonly from: number;
  readonly round: number;
  readonly tail: number;
  readonly concurrency: number;
  readonly json?: boolean;
}

const dayMs = 86_400_000;
/** Of those who are there; it is what the standard world has. */
const requestsPerUser = 1.4;

export const worldCommand = (): Command =>
  new Command('world')
    .requiredOption('--service <url>', 'where it listens; it must run with --clock requests', serviceUrl)
    .option('--ranker <name>', 'which ranker to ask for; the service’s own choice if left out')
    .option('--users <n>', 'people who are there from the start', positiveNumber, 400)
    .option('--days <n>', 'days to live through', positiveNumber, 7)
    .option('--first-day <n>', 'go on with a world that was run up to this day', wholeNumber, 0)
    .option('--seed <n>', 'of the world: one seed, the same people, videos and moods', wholeNumber, 1)
    .option('--requests-per-day <n>', `visits a day; ${requestsPerUser} for each user if left out`, positiveNumber)
    .option('--videos-per-day <n>', 'videos uploaded a day', positiveNumber, 120)
    .option('--new-users <n>', 'people who join a day', wholeNumber, 0)
    .option(
      '--sources',
      'several sources propose candidates: the request’s fields source and nominator_score say which',
    )
    .option('--loss <share>', 'how much of the loss of feedback applies: 1 is all, 0 none', share, 1)
    .addOption(
      new Option('--from <time>', 'midnight UTC at which day 0 begins')
        .argParser(midnight)
        .default(Date.UTC(2026, 0, 5), '2026-01-05'),
    )
    .addOption(
      new Option('--round <duration>', 'visits within so long are ranked beside each other')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .addOption(
      new Option('--tail <duration>', 'what people do so long after the last day is still told')
        .argParser(duration)
        .default(6 * 3_600_000, '6h'),
    )
    .option('--concurrency <n>', 'requests at once; changes nothing but how long it takes', positiveNumber, 8)
    .option('--json', 'one JSON object on stdout: the truth per arm and day')
    .addHelpText(
      'after',
      `
Expectations are exact: what was shown, to whom, at which place, on which device. Satisfaction is how much better off people
are for what they watched; no service can see it. Per arm it is what an experiment should find.

Examples:
  $ watchnext serve --clock requests --port 8080 &
  $ watchnext world --service http://127.0.0.1:8080 --users 400 --days 7
  $ watchnext world --service http://127.0.0.1:8080 --users 2000 --days 14 --seed 7 --new-users 40 --sources --json
  $ watchnext world --service http://127.0.0.1:8080 --days 7 --tail 0s && watchnext world --service http://127.0.0.1:8080 --days 7 --first-day 7`,
    )
    .action(run);

const run = async (flags: WorldFlags): Promise<void> => {
  const { service: url, ranker, json = false } = flags;
  const service = await openServiceClient({ url, ...(ranker !== undefined && { ranker }) });
  const requestsPerDay = flags.requestsPerDay ?? Math.ceil(requestsPerUser * flags.users);
  const ending = new AbortController();
  const end = (): void => {
    if (ending.signal.aborted) process.exit(130);
    note('ending: the visits under way are the last');
    ending.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  const progress = createProgress();
  let told = 0;
  try {
    const report = await runWorld(service, {
      seed: flags.seed,
      users: flags.users,
      days: flags.days,
      firstDay: flags.firstDay,
      requestsPerDay,
      videosPerDay: flags.videosPerDay,
      newUsersPerDay: flags.newUsers,
      sources: flags.sources === true,
      feedbackLoss: flags.loss,
      startMs: flags.from,
      roundMs: flags.round,
      tailMs: flags.tail,
      concurrency: flags.concurrency,
      signal: ending.signal,
      // A bar for each day, above its line.
      onProgress: (done) =>
        progress.show({
          label: `visits of day ${flags.firstDay + Math.floor((done - 1) / requestsPerDay)}`,
          done: 1 + ((done - 1) % requestsPerDay),
          total: requestsPerDay,
        }),
      onDay: (day) => {
        progress.stop();
        if (json) return;
        if (told++ === 0) print(dayHeader);
        print(tellDay(day));
      },
    });
    progress.stop();
    tell(report, json);
    if (ending.signal.aborted) process.exitCode = 130;
  } finally {
    progress.stop();
    process.off('SIGINT', end).off('SIGTERM', end);
  }
};

const tell = (report: WorldReport, json: boolean): void => {
  const { from, until, ...rest } = report;
  const [iso, end] = [new Date(from).toISOString(), new Date(until).toISOString()];
  if (json) {
    print(JSON.stringify({ ...rest, from: iso, until: end }));
    return;
  }
  print(`\n${iso} to ${end}, per visit as expected:`);
  print(tellArms(report));
  print(tellHappened(report));
};

function serviceUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new InvalidArgumentError('must be a URL such as http://127.0.0.1:8080.');
  return text.replace(/\/+$/, '');
}

function midnight(text: string): number {
  const time = pointInTime(text);
  if (time % dayMs !== 0) throw new InvalidArgumentError('must be a day, 2026-01-05, or its midnight UTC.');
  return time;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('must be from 0 to 1.');
  return value;
}
