import { Command } from 'commander';
import { simulate } from '../training/dataset/index.js';
import { positiveNumber, wholeNumber } from './arguments.js';
import { createProgress, print } from './output.js';
import { requireWritable } from './writable.js';

interface SimulateFlags {
  readonly out: string;
  readonly seed: number;
  readonly days: number;
  readonly users: number;
  readonly requests: number;
  readonly newUsers: number;
  readonly sources?: boolean;
  readonly json?: boolean;
}

export const simulateCommand = (): Command =>
  new Command('simulate')
    .option('--out <dir>', 'where impressions.csv, items.csv and users.csv go', '.demo/data')
    .option('--seed <n>', 'one seed, the same bytes', wholeNumber, 1)
    .option('--days <n>', 'days of log', positiveNumber, 8)
    .option('--users <n>', 'how many people', positiveNumber, 400)
    .option('--requests <n>', 'screens a day, of 20 videos each', positiveNumber, 550)
    .option('--new-users <n>', 'people who join a day', wholeNumber, 0)
    .option('--sources', 'several sources propose candidates: the columns source and nominator_score say which')
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext simulate
  $ watchnext simulate --out /tmp/platform --days 14 --users 2000 --requests 3000 --seed 7`,
    )
    .action(async ({ out, seed, days, users, requests, newUsers, sources = false, json }: SimulateFlags) => {
      await requireWritable(out, '--out');
      const progress = createProgress();
      const made = await simulate({
        directory: out,
        seed,
        days,
        users,
        requestsPerDay: requests,
        newUsersPerDay: newUsers,
        sources,
        onProgress: (done, total) => progress.show({ label: 'simulating', done, total }),
      });
      progress.stop();
      const { rows, items } = made;
      if (json === true)
        print(JSON.stringify({ directory: out, seed, days, rows, requests: made.requests, items, users: made.users }));
      else {
        print(
          `${out}: ${rows.toLocaleString('en-US')} impressions in ${made.requests.toLocaleString('en-US')} lists, ${made.users} users, ${items} videos`,
        );
        print(`next: watchnext train models/demo/ranker.yaml --data ${out}`);
      }
    });
