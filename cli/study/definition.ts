import { fileURLToPath } from 'node:url';
import { loadRanker, type RankerDefinition } from '../../src/definition/index.js';

const late = 'supplement';

/**
 * The ranker that the studies are about: that of the simulated platform, trained on the whole log. Its score is near the
 * optimum of the time watched: there the mistakes of two trainings of one network cost about the same, where another score
 * turns them into more of one and less of the other (coefficient of variation of engagement between training seeds 0.9 %
 * instead of 2.9 %).
 */
export const studyDefinition = async (): Promise<RankerDefinition> => {
  const { definition } = await fromPackage('models/demo/ranker.yaml');
  const { embeddings, embedding_init } = definition.training ?? {};
  return {
    ...definition,
    score: { form: 'product', weights: { click: 1, watch: 1, like: 0.3 } },
    training: {
      batch: 250,
      epochs: 2,
      optimizer: { kind: 'adam', rate: 0.003, schedule: 'linear' },
      ...(embeddings && { embeddings }),
      ...(embedding_init !== undefined && { embedding_init }),
      // Steps of the stream: the rate at which training ended is near 0.
      progressive_rate: 0.3,
    },
    // Clicks come within a minute; likes and ratings of what was watched may come hours later, and are learned then.
    labels: {
      click: { wait: '10m' },
      watch: { wait: '10m', late },
      like: { wait: '10m', late },
      dismiss: { wait: '10m' },
      rating: { wait: '10m', late },
    },
    // Batches are cut by rows, so that how often something is learned does not change what one step sees.
    stream: { out_of_order: '1s', late_for: '12h', batch_span: '1d' },
  };
};

/** A file of this package, from the sources and from the build. */
const fromPackage = async (name: string): ReturnType<typeof loadRanker> => {
  const [source, built] = ['../../', '../../../'].map((above) => fileURLToPath(new URL(above + name, import.meta.url)));
  return loadRanker(source ?? '').catch(() => loadRanker(built ?? ''));
};
