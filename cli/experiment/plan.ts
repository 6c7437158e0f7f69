import { Command, Option } from 'commander';
import { WatchnextError } from '../../src/errors.js';
import { logSettingNames, type Settings } from '../../src/settings.js';
import { openLogTables } from '../../training/dataset/index.js';
import {
  amount,
  count,
  detectableOn,
  percent,
  span,
  trafficOf,
  whenReached,
  type TrafficDay,
} from '../../training/experiments/index.js';
import { duration, positiveNumber } from '../arguments.js';
import { openEventsToRead } from '../event-log.js';
import { createProgress, formatTable, print } from '../output.js';
import { settingsOf, withSettings, type SettingFlags } from '../settings.js';
import { anyNumber, effectOption, power, shareList } from './numbers.js';
import { namedRanker } from './ranker.js';

interface PlanFlags extends SettingFlags {
  readonly metric: string;
  readonly effect: number;
  readonly arms?: number;
  readonly share?: readonly number[];
  readonly power: number;
  readonly window: number;
  readonly before: number;
  readonly mean?: number;
  readonly sd?: number;
  readonly usersPerDay?: number;
  readonly json?: boolean;
}

export const planCommand = (): Command =>
  withSettings(
    new Command('plan')
      .description('how many users and days it takes to tell an effect: from the log’s own variance and traffic')
      .argument('<ranker>', 'a folder of the models folder, or its ranker.yaml')
      .requiredOption('--metric <metric>', 'one of its metrics')
      .addOption(effectOption())
      .option('--arms <n>', 'the control among them; as many as --share has, else 2', positiveNumber)
      .option('--share <parts>', 'parts of the users, the control first: 50/50, 80/10/10; equal if left out', shareList)
      .addOption(
        new Option('--power <percent>', 'chance of telling the effect if it is there')
          .argParser(power)
          .default(0.8, '80%'),
      )
      .addOption(
        new Option('--window <duration>', 'the end of the log that stands for the experiment')
          .argParser(duration)
          .default(1_209_600_000, '14d'),
      )
      .addOption(
        new Option('--before <duration>', 'time before that CUPED looks at; 0s for none')
          .argParser(duration)
          .default(604_800_000, '7d'),
      )
      .option('--mean <number>', 'instead of a log: the metric’s mean over users', anyNumber)
      .option('--sd <number>', 'and its standard deviation over users', anyNumber)
      .option('--users-per-day <n>', 'and how many new users a day take part', positiveNumber)
      .option('--json', 'one JSON object on stdout'),
    ['models', ...logSettingNames],
  )
    .addHelpText(
      'after',
      `
Two sizes are given: for one look at the end, and for always-valid intervals, which may be looked at all the time. Both
tell the effect in four of five experiments (--power) and claim one that is not there in one of twenty. With several arms
each is compared with the control, and the error is shared among them.

Examples:
  $ watchnext experiment plan films --metric watch --effect 2%
  $ watchnext experiment plan films --metric click --effect 1% --share 80/10/10
  $ watchnext experiment plan films --metric watch --mean 310 --sd 420 --users-per-day 5000`,
    )
    .action(async (name: string, flags: PlanFlags, command: Command) => {
      const settings = settingsOf(command);
      const options = { effect: flags.effect, power: flags.power, shares: sharesOf(flags) };
      const traffic =
        flags.mean === undefined && flags.sd === undefined ? await logged(settings, name, flags) : given(flags);
      const last = traffic.at(-1);
      if (last === undefined) throw tooFew();
      if (flags.json === true)
        print(JSON.stringify({ metric: flags.metric, ...options, traffic, sizes: sizesOf(traffic, options) }));
      else printPlan({ flags, options, traffic });
    });

const sharesOf = ({ arms, share }: PlanFlags): readonly number[] => {
  if (share !== undefined && arms !== undefined && arms !== share.length)
    throw new WatchnextError('usage', `--arms ${arms} and --share ${share.join('/')} are of different numbers of arms`);
  if (arms !== undefined && arms < 2)
    throw new WatchnextError('usage', '--arms must be 2 or more, the control among them');
  return share ?? Array.from({ length: arms ?? 2 }, () => 1);
};

const tooFew = (): WatchnextError =>
  new WatchnextError('data_missing', 'The log has too few users to see how they vary.', {
    problems: [
      {
        path: 'log',
        message: 'fewer than two users with lists',
        hint: 'give --mean, --sd and --users-per-day instead',
      },
    ],
  });

/** As said, without a log. No user a day stands for not knowing how many come. */
const given = ({ mean, sd, usersPerDay }: PlanFlags): TrafficDay[] => {
  if (mean === undefined || sd === undefined)
    throw new WatchnextError('usage', '--mean and --sd belong together: without them the log is read');
  if (!(sd > 0)) throw new WatchnextError('usage', '--sd must be above 0');
  return [{ days: 1, users: usersPerDay ?? 0, mean, deviation: sd, explained: 0 }];
};

const logged = async (settings: Settings, name: string, flags: PlanFlags): Promise<readonly TrafficDay[]> => {
  const definition = await namedRanker(name, settings.models);
  const progress = createProgress(flags.json !== true);
  const log = await openEventsToRead(settings);
  try {
    const tables = await openLogTables({
      log,
      ranker: definition.name,
      onProgress: (done, total) => progress.show({ label: 'reading the log', done, total }),
    });
    try {
      const { metric, window: windowMs, before: beforeMs } = flags;
      return await trafficOf({ tables, definition, metric, windowMs, beforeMs });
    } finally {
      await tables.close();
    }
  } finally {
    progress.stop();
    await log.close();
  }
};

interface Answer {
  readonly flags: PlanFlags;
  readonly options: { readonly effect: number; readonly power: number; readonly shares: readonly number[] };
  readonly traffic: readonly TrafficDay[];
}

const ways = ['plain', 'adjusted'] as const;
const looked = ['fixed', 'sequential'] as const;

/** Every size there is an answer to; days and users are null where no number would do. */
const sizesOf = (traffic: readonly TrafficDay[], options: Answer['options']) =>
  ways.flatMap((way) =>
    looked.flatMap((looks) => {
      const reached = whenReached(traffic, options, { way, looks });
      if (reached === undefined) return [];
      const [users, days] = [reached.users, reached.days].map((each) => (Number.isFinite(each) ? each : null));
      return [{ way, looks, users, days }];
    }),
  );

const printPlan = ({ flags, options, traffic }: Answer): void => {
  const last = traffic.at(-1);
  if (last === undefined) return;
  const { effect, shares, power } = options;
  print(
    `To tell a change of ${percent(effect)} of ${flags.metric} (mean ${amount(last.mean)}, standard deviation ${amount(last.deviation)} over users), ` +
      `${shares.length} arms ${shares.join('/')}, with a power of ${percent(power)}:\n`,
  );
  const rows = sizesOf(traffic, options).map(({ way, looks, users, days }) => [
    way === 'plain' ? 'plain' : `with CUPED, which explains ${percent(last.explained)}`,
    looks === 'fixed' ? 'one look at the end' : 'looked at all the time',
    typeof users === 'number' ? count(users) : 'more than there are',
    typeof days === 'number' ? span(days) : 'not known',
  ]);
  print(formatTable(['how', 'read', 'users', 'time'], rows));
  if (traffic.length < 2) return;
  print('\nWhat the log’s own traffic would tell, with one look at the end:\n');
  const tells = traffic.map((day) => {
    const smallest = detectableOn(day, options);
    return [day.days, count(day.users), amount(day.mean), smallest === undefined ? '' : percent(smallest)];
  });
  print(formatTable(['days', 'users', 'mean', 'smallest change'], tells));
};
