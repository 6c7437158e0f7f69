import { Command } from 'commander';
import { fingerprint, loadRanker, type Ranker } from '../src/definition/index.js';
import { inputLayout } from '../src/features/index.js';
import { openDataset } from '../training/dataset/index.js';
import { createModel } from '../training/fit/index.js';
import { datasetWarning, summaryText } from './dataset-text.js';
import { formatTable, note, print } from './output.js';
import { datasetSource, folderDoubt } from './ranker.js';

interface CheckFlags {
  readonly data?: string;
  readonly json?: boolean;
}

const REFERENCE_CANDIDATES = 200;

/** Everything that can be known of a definition without training it. */
const describe = ({ definition }: Ranker) => {
  const layout = inputLayout(definition);
  const { network, plan } = createModel(definition, layout);
  const parts = new Map<string, number>();
  for (const { name, shape } of plan.parameters) {
    const part = name.split('/')[0] ?? name;
    parts.set(part, (parts.get(part) ?? 0) + shape.reduce((product, size) => product * size, 1));
  }
  const { perCandidate, perRequest } = network.multiplications;
  return {
    ranker: definition.name,
    fingerprint: fingerprint(definition),
    features: layout.slots.map(({ feature, side, width, table }) => ({
      feature,
      kind: definition.features[feature]?.kind ?? '',
      side,
      width,
      ...(table === undefined ? {} : { table }),
    })),
    inputs: { request: layout.requestWidth, candidate: layout.candidateWidth },
    parameters: Object.fromEntries(parts),
    multiplications: {
      perCandidate,
      perRequest,
      [`per${REFERENCE_CANDIDATES}Candidates`]: perRequest + REFERENCE_CANDIDATES * perCandidate,
    },
  };
};

const checkData = async (ranker: Ranker, directory: string) => {
  const dataset = await openDataset(datasetSource(ranker, directory));
  try {
    const { columns, span, warnings } = dataset;
    const summary = await dataset.summary();
    return {
      rows: summary.rows,
      requests: summary.requests,
      labels: Object.fromEntries(summary.labels),
      missing: Object.fromEntries(summary.missing),
      unread: summary.unread,
      from: new Date(span.first).toISOString(),
      to: new Date(span.last).toISOString(),
      warnings: Object.fromEntries(warnings.counts),
      text: summaryText(summary, columns),
      notes: [...warnings.counts].map(([code, count]) => datasetWarning(code, count)),
    };
  } finally {
    await dataset.close();
  }
};

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
      const description = describe(ranker);
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
