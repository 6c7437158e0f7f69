import { round } from '../measure/index.js';
import { failures, latencyMeasures, sum, use, warmUpPhase } from './measures.js';
import type { Scenario } from './types.js';

export const overload: Scenario = {
  about: 'three times saturation, held: what is accepted must be answered as well and as much as before',
  takesSeconds: [60, 30],
  sharesOfSaturation: true,
  run: (lab) =>
    lab.withService(async ({ drive: offer, saturation: saturate, service }) => {
      // Its own, of this very process: the two are held against each other.
      const saturation = await saturate(lab.options.quick ? 4 : 8);
      const half = 0.5 * saturation;
      const seconds = lab.seconds(20, 8);
      const phases = [
        warmUpPhase(lab, half),
        { name: 'half', seconds: lab.options.quick ? 6 : 15, rate: half },
        { name: 'overload', seconds, rate: 3 * saturation },
        // What waits when it ends is part of it.
        { name: 'settling', seconds: 3, rate: half },
        { name: 'again', seconds: lab.options.quick ? 4 : 8, rate: half },
      ];
      const drive = await offer({ phases });
      const { latency, okPerSecond, outcomes, requests } = drive.phase('overload');
      return {
        drive,
        measures: {
          saturationPerSecond: saturation,
          ...latencyMeasures(drive, 'half', 'half'),
          ...latencyMeasures(drive, 'overload', 'accepted'),
          acceptedP99Ratio: round(latency.p99Ms / drive.phase('half').latency.p99Ms),
          acceptedPerSecond: okPerSecond,
          throughputShare: round(okPerSecond / saturation),
          turnedAwayShare: round((outcomes.refused + outcomes.fallback) / requests),
          againP99Ratio: round(drive.phase('again').latency.p99Ms / drive.phase('half').latency.p99Ms),
          ...failures(drive),
          refused: sum(drive, 'refused'),
          ...use(drive),
        },
        notes: [
          'Accepted: answered as asked, not in the fallback order and not with 503. Saturation is that of the same process, just before.',
        ],
        settings: service.settings,
      };
    }),
};
