import { createStandInLearner } from '../model/index.js';
import { failures, latencyMeasures, use } from './measures.js';
import { activate } from './swaps.js';
import { warmUp, type Scenario } from './types.js';
import { sumOf } from '../service/index.js';

/** Little enough for any machine that runs the tests. */
const requestsPerSecond = 15;
const heldSeconds = 5;

export const smoke: Scenario = {
  about: `${requestsPerSecond} requests/s for ${heldSeconds} s, with one update and one swap: does the whole of it work?`,
  takesSeconds: [8, 8],
  sharesOfSaturation: false,
  run: (lab) =>
    lab.withService(async ({ drive: offer, service, models }) => {
      const { ranker } = lab.prepared;
      const rate = 'perSecond' in lab.options.rate ? lab.options.rate.perSecond : requestsPerSecond;
      const learner = await createStandInLearner({ models, ranker, seed: lab.options.seed });
      const phases = [
        { name: warmUp, seconds: 1, rate },
        { name: 'held', seconds: lab.seconds(heldSeconds, heldSeconds), rate },
      ];
      const deeds = [
        { atMs: 1500, run: () => learner.publish() },
        { atMs: 3500, run: async () => activate(service.url, ranker, await learner.seal()) },
      ];
      const drive = await offer({ phases, deeds });
      return {
        drive,
        measures: {
          ...latencyMeasures(drive, 'held'),
          okPerSecond: drive.phase('held').okPerSecond,
          ...failures(drive),
          deltas: sumOf(drive.scrape, 'watchnext_deltas_total', { outcome: 'applied' }),
          swaps: sumOf(drive.scrape, 'watchnext_swaps_total', { outcome: 'swapped' }),
          ...use(drive),
        },
        settings: service.settings,
      };
    }),
};
