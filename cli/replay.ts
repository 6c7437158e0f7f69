import { Command } from 'commander';
import { openArtifacts } from '../src/artifact/index.js';
import { WatchnextError } from '../src/errors.js';
import type { Impression } from '../src/events/index.js';
import { compareReplay, replayImpression, type Replay, type ReplayComparison } from '../src/ranking/index.js';
import { findImpression } from '../src/recording/index.js';
import { logSettingNames, type Settings } from '../src/settings.js';
import { openEventsToRead } from './event-log.js';
import { createProgress, formatTable, print } from './output.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';

interface ReplayFlags extends SettingFlags {
  readonly against?: string;
  readonly user?: string;
  readonly json?: boolean;
}

export const replayCommand = (): Command =>
  withSettings(
    new Command('replay')
      .argument('<requestId>', 'requestId of the answer, also its X-Request-Id')
      .option('--against <version>', 'show what another version would have answered beside it')
      .option('--user <id>', 'who asked, if known: then only their part of the log is looked through')
      .option('--json', 'the comparison as JSON on stdout'),
    ['models', ...logSettingNames],
  )
    .addHelpText(
      'after',
      `
Ends with 0 if every head, score, chance and the order are the same, with 1 if anything differs.

Examples:
  $ watchnext replay 5f0c1a9e-2f0b-4c39-9a55-0d5f6a8f3c11
  $ watchnext replay checkout-17 --user u1 --against 20260430T235959Z-ab12cd`,
    )
    .action(async (requestId: string, flags: ReplayFlags, command: Command) => {
      const settings = settingsOf(command);
      const impression = await find(settings, requestId, flags);
      const replay = await replayWith(settings, impression, impression.version);
      const other = flags.against === undefined ? undefined : await replayWith(settings, impression, flags.against);
      const comparison = compareReplay(impression, replay);
      const replayed = { impression, replay, comparison, against: flags.against, other };
      if (flags.json === true) print(JSON.stringify(toJson(replayed)));
      else printReplay(replayed);
      if (!identical(comparison)) process.exitCode = 1;
    });

const find = async (settings: Settings, requestId: string, { user, json }: ReplayFlags): Promise<Impression> => {
  const log = await openEventsToRead(settings);
  const progress = createProgress(json !== true);
  try {
    const found = await findImpression({
      log,
      requestId,
      ...(user !== undefined && { user }),
      onProgress: (done, total) => progress.show({ label: 'looking through the log', done, total }),
    });
    if (found !== undefined) return found;
  } finally {
    progress.stop();
    await log.close();
  }
  const where = settings.log === 'kafka' ? `${settings.kafkaTopicPrefix}events` : settings.logDirectory;
  throw new WatchnextError('impression_missing', `No impression of request ${requestId} is in the log.`, {
    problems: [
      {
        path: where,
        message: user === undefined ? 'does not hold it' : `does not hold it for user ${user}`,
        hint: 'check the request id and where the log is; previews (log: false) are not logged, and retention forgets',
      },
    ],
  });
};

const replayWith = async ({ models }: Settings, impression: Impression, version: string): Promise<Replay> => {
  const artifact = await openArtifacts(models).load(impression.ranker, version);
  return replayImpression(impression, artifact, { answered: version === impression.version });
};

const identical = ({ differences, sameOrder }: ReplayComparison): boolean => differences.length === 0 && sameOrder;

interface Replayed {
  readonly impression: Impression;
  readonly replay: Replay;
  readonly comparison: ReplayComparison;
  readonly against: string | undefined;
  readonly other: Replay | undefined;
}

/** Nine digits tell any two values of a head apart. */
const exact = (value: number): string => (Number.isNaN(value) ? '-' : String(Number(value.toPrecision(9))));
const short = (value: number): string => (Number.isNaN(value) ? '-' : value.toPrecision(5));

const headsOf = ({ tasks, heads }: Pick<Replay, 'tasks' | 'heads'>, item: number): Record<string, number> =>
  Object.fromEntries(tasks.map((task, head) => [task, heads[item * tasks.length + head] ?? NaN]));

const printReplay = ({ impression, replay, comparison, against, other }: Replayed): void => {
  const { requestId, ranker, version, userId, time, items, candidates, tasks } = impression;
  const asked = userId === undefined ? '' : ` by ${userId}`;
  print(`${requestId}: asked${asked} at ${new Date(time).toISOString()}, answered by ${ranker}@${version}`);
  print(`${items.length} of ${candidates} candidates were shown${drawnHow(impression)}\n`);
  print(heads(impression, replay));
  print(`\n${verdict(comparison)}`);
  if (against === undefined || other === undefined) return;
  print(`\n${ranker}@${against} would have ordered the same items like this:\n`);
  print(beside(impression, other));
  const missing = tasks.filter((task) => !other.tasks.includes(task));
  if (missing.length > 0) print(`\nIt has no ${missing.join(', ')}.`);
};

/** Nothing where the order could only be this one. */
const drawnHow = ({ exploration, items }: Impression): string => {
  if (exploration === undefined) return '';
  const { share, temperature, swaps, drawn, swap } = exploration;
  const how = {
    greedy: 'by score',
    noise: 'with noise',
    swap:
      swap?.swapped === true
        ? `with positions 1 and ${swap.position} changed`
        : 'by score, as a swap that was not made',
  }[drawn];
  const chance = items.reduce((product, { propensity }) => product * propensity, 1);
  const policy = `${percent(share)} with noise of temperature ${temperature}, ${percent(swaps)} with a swap`;
  return `, ${how} (of requests ${policy}; the chance of this list was ${short(chance)})`;
};

const percent = (part: number): string => `${Number((100 * part).toPrecision(3))} %`;

/** A cell shows two values where they differ. */
const heads = (impression: Impression, replay: Replay): string => {
  const { items, tasks } = impression;
  const cell = (logged: number, replayed = NaN): string =>
    Object.is(logged, replayed) ? short(logged) : `${exact(logged)} now ${exact(replayed)}`;
  return formatTable(
    ['', 'item', ...tasks, 'score'],
    items.map(({ id, position, score }, item) => {
      const [before, after] = [headsOf(impression, item), headsOf(replay, item)];
      const values = tasks.map((task) => cell(before[task] ?? NaN, after[task]));
      return [position, String(id), ...values, cell(score, replay.scores[item])];
    }),
  );
};

const verdict = ({ unscored, differences, sameOrder }: ReplayComparison): string => {
  if (unscored) return 'Nothing could be scored when this was answered, so there is nothing to compare.';
  if (differences.length === 0 && sameOrder) return 'identical: every head, score, chance and the order, bit for bit';
  const items = new Set(differences.map(({ item }) => item)).size;
  const largest = Math.max(0, ...differences.map(({ logged, replayed }) => Math.abs(logged - replayed)));
  const parts = [
    ...(differences.length > 0 ? [`${differences.length} values of ${items} items, by ${short(largest)} at most`] : []),
    ...(sameOrder ? [] : ['the order']),
  ];
  return `different: ${parts.join('; ')} (was it served on another device, or by another release?)`;
};

const beside = ({ items }: Impression, other: Replay): string => {
  const places = new Map(items.map(({ id, position }, item) => [String(id), { position, item }]));
  const rows = other.order.map((id, at) => {
    const { position, item } = places.get(String(id)) ?? { position: 0, item: 0 };
    const values = other.tasks.map((task) => short(headsOf(other, item)[task] ?? NaN));
    return [at + 1, String(position), String(id), ...values, short(other.scores[item] ?? NaN)];
  });
  return formatTable(['', 'was', 'item', ...other.tasks, 'score'], rows);
};

const toJson = ({ impression, replay, comparison, against, other }: Replayed): object => {
  const { requestId, userId, time, ranker, version, items } = impression;
  const scored = (from: Replay, item: number): object => ({ heads: headsOf(from, item), score: from.scores[item] });
  return {
    requestId,
    user: userId,
    time: new Date(time).toISOString(),
    ranker,
    version,
    identical: identical(comparison),
    ...comparison,
    exploration: impression.exploration,
    items: items.map(({ id, position, score, propensity }, item) => ({
      id,
      position,
      logged: { heads: headsOf(impression, item), score, propensity },
      replayed: { ...scored(replay, item), propensity: replay.propensities?.[item] },
    })),
    ...(other && {
      against: { version: against, order: other.order, items: items.map((_, item) => scored(other, item)) },
    }),
  };
};
