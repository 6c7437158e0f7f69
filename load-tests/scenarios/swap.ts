import { createStandInLearner } from '../model/index.js';
import { sumOf } from '../service/index.js';
import { withAndWithout } from './against.js';
import { activate } from './swaps.js';
import type { Scenario } from './types.js';

const everySeconds = 5;

export const swap: Scenario = {
  about: `another version every ${everySeconds} s at half load, against the same load without`,
  takesSeconds: [125, 40],
  sharesOfSaturation: false,
  run: (lab) =>
    lab.withService(async (subject) => {
      const { models, service } = subject;
      const { ranker, version } = lab.prepared;
      const learner = await createStandInLearner({ models, ranker, seed: lab.options.seed });
      await learner.publish();
      const versions = [await learner.seal(), version];
      let turn = 0;
      const run = (): Promise<void> => activate(service.url, ranker, versions[turn++ % 2] ?? version);
      const finding = await withAndWithout(lab, subject, { everySeconds, run });
      const swaps = sumOf(finding.drive.scrape, 'watchnext_swaps_total', { outcome: 'swapped' });
      return { ...finding, measures: { ...finding.measures, swaps } };
    }),
};
