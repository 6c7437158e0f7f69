import { fingerprint, type Ranker } from '../src/definition/index.js';
import { inputLayout } from '../src/features/index.js';
import { openDataset } from '../training/dataset/index.js';
import { createModel } from '../training/fit/index.js';
import { datasetWarning, summaryText } from './dataset-text.js';
import { datasetSource } from './ranker.js';

export const REFERENCE_CANDIDATES = 200;

/** Everything that can be known of a definition without training it. */
export const describeRanker = ({ definition }: Ranker) => {
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

/** What can be known of its data without training. */
export const checkData = async (ranker: Ranker, directory: string) => {
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
