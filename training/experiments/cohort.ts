import { WatchnextError } from '../../src/errors.js';
import { nameHint } from '../../src/nearest.js';
import { sqlText, type LogTables } from '../dataset/index.js';

/** Users of one phase of an experiment, by the arm that they were first exposed to. The table `exposed` holds them. */
export interface Cohort {
  readonly experiment: string;
  readonly phase: string;
  /** All phases in the log, in the order of their beginning. */
  readonly phases: readonly string[];
  /** Event times that count: from <= time < to, in milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly arms: readonly string[];
  /** Users who saw more than one arm: in no arm here. */
  readonly mixed: number;
  /** What retention took of the phase; undefined where the log has all of it. */
  readonly dropped: Dropped | undefined;
  /** Planned, by arm; undefined where it is not known. */
  readonly shares: Readonly<Record<string, number>> | undefined;
}

/** From the beginning of the phase until `to`, nothing counts: not every partition still has it. */
export interface Dropped {
  readonly from: number;
  readonly to: number;
  /** Users who were answered under an arm since, without an exposure in the log: in no arm. Testers are among them. */
  readonly unexposed: number;
}

export interface Planned {
  /** Of this phase; of whichever it is, if left out. */
  readonly phase?: string;
  /** Parts of the users by arm, the control first; in proportion. */
  readonly shares: Readonly<Record<string, number>>;
}

export interface CohortOptions {
  readonly tables: LogTables;
  readonly experiment: string;
  /** The one that began last, if left out. */
  readonly phase?: string;
  /** Events from then on count; who was exposed before stays in. */
  readonly from?: number;
  readonly to?: number;
  /** What was planned; of another phase it says nothing. */
  readonly planned?: Planned;
}

/**
 * Makes the table `exposed(user_id, arm, time, untouched)`: a user's first exposure in the phase counts; until `untouched` no
 * phase of the experiment had touched them, as far as exposures or lists say. Who was exposed to two arms, or was later answered
 * by another arm of the same experiment, is left out and counted. Where retention dropped the beginning of the phase, events
 * count from where the log is whole, as if `from` said so. Rejects with data_missing for an experiment or phase that the log has
 * no exposure of.
 */
export const openCohort = async (options: CohortOptions): Promise<Cohort> => {
  const { tables, experiment } = options;
  const { phase, phases, begins, ends } = await findPhase(options);
  const { wholeFrom = -Infinity } = tables;
  const from = Math.max(options.from ?? -Infinity, begins, wholeFrom);
  const to = Math.min(options.to ?? Infinity, ends, (await lastEvent(tables)) + 1);
  const key = sqlText(experiment);
  await tables.run(`CREATE OR REPLACE TABLE first_exposures AS
    SELECT user_id, arg_min(arm, "time") AS arm, min("time") AS "time", count(DISTINCT arm) AS arms
    FROM exposures WHERE experiment = ${key} AND phase = ${sqlText(phase)} AND "time" < ${to}
    GROUP BY user_id`);
  await tables.run(`CREATE OR REPLACE TABLE mixed AS
    SELECT user_id FROM first_exposures WHERE arms > 1
    UNION
    SELECT e.user_id FROM first_exposures e JOIN lists l USING (user_id)
    WHERE l."time" >= e."time" AND l."time" < ${to} AND l.arms[${key}] IS NOT NULL AND l.arms[${key}] <> e.arm`);
  await tables.run(`CREATE OR REPLACE TABLE exposed AS
    SELECT user_id, e.arm, e."time", min(o."time") AS untouched
    FROM first_exposures e JOIN (
      SELECT user_id, "time" FROM exposures WHERE experiment = ${key}
      UNION ALL SELECT user_id, "time" FROM lists WHERE arms[${key}] IS NOT NULL) o USING (user_id)
    WHERE user_id NOT IN (SELECT user_id FROM mixed) GROUP BY ALL`);
  const seen = (await tables.query('SELECT DISTINCT arm FROM first_exposures ORDER BY arm')).map(({ arm }) =>
    String(arm),
  );
  const [counted] = await tables.query('SELECT count(*)::DOUBLE AS users FROM mixed');
  const shares = plannedShares(options.planned, phase);
  const expected = Object.keys(shares ?? {});
  return {
    experiment,
    phase,
    phases,
    from,
    to,
    arms: [...expected, ...seen.filter((arm) => !expected.includes(arm))],
    mixed: Number(counted?.['users'] ?? 0),
    dropped:
      wholeFrom > begins
        ? { from: begins, to: wholeFrom, unexposed: await unexposedUsers(tables, key, to) }
        : undefined,
    shares,
  };
};

const unexposedUsers = async (tables: LogTables, key: string, to: number): Promise<number> => {
  const [row] = await tables.query(
    `SELECT count(DISTINCT user_id)::DOUBLE AS users FROM lists
     WHERE arms[${key}] IS NOT NULL AND "time" < ${to}
       AND user_id NOT IN (SELECT user_id FROM exposures WHERE experiment = ${key})`,
  );
  return Number(row?.['users'] ?? 0);
};

const plannedShares = (planned: Planned | undefined, phase: string): Planned['shares'] | undefined =>
  planned?.phase === undefined || planned.phase === phase ? planned?.shares : undefined;

/** Feedback dated further beyond everything that was answered is a wrong clock. */
const aheadMs = 86_400_000;

const lastEvent = async (tables: LogTables): Promise<number> => {
  const last = tables.span?.last ?? 0;
  const [row] = await tables.query(`SELECT max("time") AS last FROM feedback WHERE "time" <= ${last + aheadMs}`);
  return Math.max(last, Number(row?.['last'] ?? last));
};

interface Phase {
  readonly phase: string;
  readonly phases: readonly string[];
  readonly begins: number;
  /** When the next one begins. */
  readonly ends: number;
}

const findPhase = async ({ tables, experiment, phase: wanted }: CohortOptions): Promise<Phase> => {
  await requireExperiment(tables, experiment);
  const found = await tables.query(
    `SELECT phase, min("time") AS begins FROM exposures WHERE experiment = ${sqlText(experiment)}
     GROUP BY phase ORDER BY begins`,
  );
  const phases = found.map(({ phase }) => String(phase));
  const index = wanted === undefined ? phases.length - 1 : phases.indexOf(wanted);
  const phase = phases[index];
  if (phase === undefined)
    throw new WatchnextError('data_missing', `The log has no exposure to phase ${wanted ?? ''} of ${experiment}.`, {
      problems: [{ path: '--phase', message: `"${wanted ?? ''}" is not there`, hint: nameHint(wanted ?? '', phases) }],
    });
  const time = (at: number, otherwise: number): number => Number(found[at]?.['begins'] ?? otherwise);
  return { phase, phases, begins: time(index, 0), ends: time(index + 1, Infinity) };
};

/** Rejects with data_missing for an experiment that the log has no exposure to, with the nearest that it has. */
export const requireExperiment = async (tables: LogTables, experiment: string): Promise<void> => {
  const rows = await tables.query('SELECT DISTINCT experiment FROM exposures ORDER BY experiment');
  const known = rows.map((row) => String(row['experiment']));
  if (known.includes(experiment)) return;
  throw new WatchnextError('data_missing', `The log has no exposure to the experiment ${experiment}.`, {
    problems: [
      {
        path: experiment,
        message: known.length === 0 ? 'nobody in this log was exposed to any experiment' : 'is not there',
        hint:
          known.length === 0
            ? 'exposures are logged when the service ranks for users that fall into an experiment; is this its log?'
            : nameHint(experiment, known),
      },
    ],
  });
};

/** New users by arm in each stretch of the cohort's time, for shares and for how fast users come. [stretches][arms] */
export const usersOverTime = async (
  tables: LogTables,
  { arms, from }: Pick<Cohort, 'arms' | 'from'>,
  { stretchMs, stretches }: { readonly stretchMs: number; readonly stretches: number },
): Promise<readonly (readonly number[])[]> => {
  const rows = await tables.query(
    `SELECT arm, ${stretchOf('"time"', from, stretchMs)} AS stretch, count(*)::DOUBLE AS users FROM exposed GROUP BY ALL`,
  );
  const counts = Array.from({ length: stretches }, () => arms.map(() => 0));
  for (const { arm, stretch, users } of rows) {
    const row = counts[Math.min(Number(stretch), stretches - 1)];
    const place = arms.indexOf(String(arm));
    if (row !== undefined && place >= 0) row[place] = (row[place] ?? 0) + Number(users);
  }
  return counts;
};

/** Users of all arms who were first exposed from a time on. */
export const usersSince = async (tables: LogTables, time: number): Promise<number> => {
  const [row] = await tables.query(`SELECT count(*)::DOUBLE AS users FROM exposed WHERE "time" >= ${time}`);
  return Number(row?.['users'] ?? 0);
};

/** SQL: which stretch a time lies in; what is before counts to the first. */
export const stretchOf = (time: string, from: number, stretchMs: number): string =>
  `floor(greatest(${time} - ${from}, 0) / ${stretchMs})::INTEGER`;

/** For an arm that was named and is not there. */
export const unknownArm = (arm: string, arms: readonly string[]): WatchnextError =>
  new WatchnextError('data_missing', `The log has no exposure to an arm ${arm}.`, {
    problems: [{ path: '--control', message: `"${arm}" is no arm`, hint: nameHint(arm, arms) }],
  });
