import { Argument, Command } from 'commander';
import { positiveNumber, wholeNumber } from './arguments.js';
import { createProgress, note, print } from './output.js';
import { runStudy, studies, type Study, type StudyName } from './study/index.js';
import { requireWritable } from './writable.js';

interface StudyFlags {
  readonly short?: boolean;
  readonly seed: number;
  readonly users?: number;
  readonly days?: number;
  readonly worlds?: number;
  readonly out?: string;
  readonly json?: boolean;
}

const names = Object.keys(studies) as StudyName[];

export const studyCommand = (): Command =>
  new Command('study')
    .addArgument(new Argument('[names...]', 'which; all if left out').choices(names))
    .option('--short', 'in seconds, to see that it works; it can tell next to nothing')
    .option('--seed <n>', 'one seed, one result', wholeNumber, 1)
    .option('--worlds <n>', 'repetitions, each in a world of its own: intervals are over them', positiveNumber)
    .option('--users <n>', 'people in each world; lists a day grow with them', positiveNumber)
    .option('--days <n>', 'days live, after those of the log', positiveNumber)
    .option(
      '--out <dir>',
      'where reports, pictures, numbers and the index go; docs/studies, with --short .cache/studies',
    )
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
${names.map((name) => `${name.padEnd(10)} ${studies[name].about}`).join('\n')}

Everything happens in this process and in the time of the world, through the service's own ranking and the learner's own
steps. Results depend on the seed and the sizes alone.

Examples:
  $ watchnext study table1
  $ watchnext study freshness --worlds 3 --days 6 --out /tmp/studies
  $ npm run studies -- --short`,
    )
    .action(async (chosen: StudyName[], flags: StudyFlags) => {
      const directory = flags.out ?? (flags.short === true ? '.cache/studies' : 'docs/studies');
      await requireWritable(directory, '--out');
      const progress = createProgress();
      const results: object[] = [];
      for (const name of chosen.length === 0 ? names : chosen) {
        const study: Study = studies[name];
        const { result, run, file } = await runStudy({
          study,
          seed: flags.seed,
          short: flags.short === true,
          size: sizeOf(study, flags),
          command: commandOf(name, flags),
          directory,
          order: names,
          onProgress: (done, total) => progress.show({ label: name, done, total }),
        });
        progress.stop();
        results.push({ result, run });
        note(`${file}: ${Math.round(run.seconds)} s`);
        if (flags.json !== true) print([result.title, ...result.findings.map((line) => `  ${line}`)].join('\n'));
      }
      if (flags.json === true) print(JSON.stringify({ studies: results }));
    });

/** Without where it writes to: results do not depend on it. */
const commandOf = (name: StudyName, { seed, short, worlds, users, days }: StudyFlags): string =>
  [
    `watchnext study ${name} --seed ${seed}`,
    ...(short === true ? ['--short'] : []),
    ...Object.entries({ worlds, users, days }).flatMap(([flag, value]) =>
      value === undefined ? [] : [`--${flag} ${value}`],
    ),
  ].join(' ');

const sizeOf = (study: Study, { short, users, days, worlds }: StudyFlags): Study['full'] => {
  const standard = short === true ? study.short : study.full;
  const people = users ?? standard.users;
  return {
    ...standard,
    users: people,
    requestsPerDay: Math.max(1, Math.round((standard.requestsPerDay * people) / standard.users)),
    days: days ?? standard.days,
    worlds: worlds ?? standard.worlds,
  };
};
