import { createStandInLearner } from '../model/index.js';
import { sumOf } from '../service/index.js';
import { withAndWithout } from './against.js';
import type { Scenario } from './types.js';

export const delta: Scenario = {
  about: 'an update of the model every second at half load, against the same load without',
  takesSeconds: [125, 40],
  sharesOfSaturation: false,
  run: (lab) =>
    lab.withService(async (subject) => {
      const { ranker } = lab.prepared;
      const learner = await createStandInLearner({ models: subject.models, ranker, seed: lab.options.seed });
      const finding = await withAndWithout(lab, subject, { everySeconds: 1, run: () => learner.publish() });
      const deltas = sumOf(finding.drive.scrape, 'watchnext_deltas_total', { outcome: 'applied' });
      const refused = sumOf(finding.drive.scrape, 'watchnext_deltas_total', { outcome: 'refused' });
      return {
        ...finding,
        measures: { ...finding.measures, deltas, refusedDeltas: refused },
        notes: [
          ...(finding.notes ?? []),
          'Who publishes runs on this machine too: 1,200 rows, the whole graph and golden rows, made durable, every second.',
        ],
      };
    }),
};
