import { timelineOf } from '../measure/index.js';
import { failures, latencyMeasures, sum, use, warmUpPhase } from './measures.js';
import type { Scenario } from './types.js';

const spikeSeconds = 3;

export const spike: Scenario = {
  about: `a quarter of saturation, three times saturation for ${spikeSeconds} s, a quarter again: how soon is it over?`,
  takesSeconds: [40, 22],
  sharesOfSaturation: true,
  run: (lab) =>
    lab.withService(async ({ drive: offer, service }) => {
      const before = lab.options.quick ? 6 : 12;
      const rate = 0.25 * lab.saturation;
      const warm = warmUpPhase(lab, rate);
      const phases = [
        warm,
        { name: 'before', seconds: before, rate },
        { name: 'spike', seconds: spikeSeconds, rate: 3 * lab.saturation },
        { name: 'after', seconds: lab.seconds(18, 10), rate },
      ];
      const drive = await offer({ phases });
      const calmMs = 3 * drive.phase('before').latency.p99Ms;
      const over = warm.seconds + before + spikeSeconds;
      const after = timelineOf(drive.recording).filter(({ second, p99Ms }) => second >= over && p99Ms !== null);
      const lastRough = after.findLast(({ p99Ms, outcomes }) => (p99Ms ?? 0) > calmMs || outcomes.failed > 0);
      return {
        drive,
        measures: {
          ...latencyMeasures(drive, 'before', 'before'),
          ...latencyMeasures(drive, 'spike', 'spike'),
          recoverySeconds: lastRough === undefined ? 0 : lastRough.second + 1 - over,
          ...failures(drive),
          refused: sum(drive, 'refused'),
          ...use(drive),
        },
        notes: ['Recovered means: from then on no second has a p99 above three times the one before the spike.'],
        settings: service.settings,
      };
    }),
};
