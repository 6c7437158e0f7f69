import { failures, latencyMeasures, use, warmUpPhase } from './measures.js';
import type { Scenario } from './types.js';

export const steady: Scenario = {
  about: 'half of saturation, held',
  takesSeconds: [45, 15],
  sharesOfSaturation: false,
  run: (lab) =>
    lab.withService(async ({ drive: offer, service }) => {
      const phases = [warmUpPhase(lab), { name: 'held', seconds: lab.seconds(40, 12), rate: lab.heldRate }];
      const drive = await offer({ phases });
      const { okPerSecond } = drive.phase('held');
      return {
        drive,
        measures: { ...latencyMeasures(drive, 'held'), okPerSecond, ...failures(drive), ...use(drive) },
        settings: service.settings,
      };
    }),
};
