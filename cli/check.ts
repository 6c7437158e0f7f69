import { Command } from 'commander';
import { loadRanker } from '../src/definition/index.js';
import { formatTable, note, print } from './output.js';
import { folderDoubt } from './ranker.js';

interface CheckFlags {
  readonly data?: string;
  readonly json?: boolean;
}

const number = (value: number): string => value.toLocaleString('en-US');

export const checkCommand = (): Command =>
  new Command('check')
    .argument('<ranker.yaml>')
    .option('--data <dir>', 'also run dataset.sql over this folder and check columns, types, times and labels')
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext check models/demo/ranker.yaml
  $ watchnext check models/kuairand/ranker.yaml --data ~/kuairand-pure`,
    )
    .action(async (file: string, flags: CheckFlags) => {
      const ranker = await loadRanker(file);
      const doubt = folderDoubt(ranker);
      if (doubt !== undefined) note(`warning: ${doubt}`);
      const { REFERENCE_CANDIDATES, checkData, describeRanker } = await import('./checked.js');
      const description = describeRanker(ranker);
      const data = flags.data === undefined ? undefined : await checkData(ranker, flags.data);
      if (flags.json === true) {
        const facts = data && { ...data, text: undefined, notes: undefined };
        print(JSON.stringify({ ...description, ...(facts === undefined ? {} : { data: facts }) }));
        return;
      }
      const { features, inputs, parameters, multiplications } = description;
      print(`${file} is valid: ranker ${description.ranker}, fingerprint ${description.fingerprint}\n`);
      print(
        formatTable(
          ['feature', 'kind', 'side', 'width', 'table'],
          features.map(({ feature, kind, side, width, table }) => [feature, kind, side, width, table ?? '']),
        ),
      );
      print(`\ninputs: ${inputs.request} per request, ${inputs.candidate} per candidate\n`);
      print(
        formatTable(
          ['part', 'parameters'],
          Object.entries(parameters).map(([part, count]) => [part, number(count)]),
        ),
      );
      print('');
      print(
        formatTable(
          ['multiplications', 'count'],
          [
            ['per candidate', number(multiplications.perCandidate)],
            ['per request, once', number(multiplications.perRequest)],
            [
              `per request of ${REFERENCE_CANDIDATES}`,
              number(multiplications.perRequest + REFERENCE_CANDIDATES * multiplications.perCandidate),
            ],
          ],
        ),
      );
      if (data === undefined) return;
      print(`\ndata from ${data.from} to ${data.to}`);
      for (const line of data.text) print(line);
      for (const text of data.notes) note(`warning: ${text}`);
    });
