import { failures, sum, use, warmUpPhase } from './measures.js';
import type { Scenario } from './types.js';

/** Shares of saturation; one step each, so that every one can be read by itself. */
const shares = [0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.25, 1.5];

export const ramp: Scenario = {
  about: '10 % to 150 % of saturation in steps: where does it begin to hurt?',
  takesSeconds: [70, 30],
  sharesOfSaturation: true,
  run: (lab) =>
    lab.withService(async ({ drive: offer, service }) => {
      const seconds = lab.seconds(64, 24) / shares.length;
      const steps = shares.map((share) => ({ name: stepName(share), seconds, rate: share * lab.saturation }));
      const drive = await offer({ phases: [warmUpPhase(lab, 0.5 * lab.saturation), ...steps] });
      const below = steps.slice(0, 4).map(({ name }) => drive.phase(name));
      const last = drive.phase(stepName(1.5));
      return {
        drive,
        measures: {
          ...failures(drive),
          refused: sum(drive, 'refused'),
          p50At10PercentMs: drive.phase(stepName(0.1)).latency.p50Ms,
          p99At50PercentMs: drive.phase(stepName(0.5)).latency.p99Ms,
          p99At90PercentMs: drive.phase(stepName(0.9)).latency.p99Ms,
          okShareTo75Percent: okShare(below),
          throughputAt150PercentShare: Number((last.okPerSecond / lab.saturation).toFixed(3)),
          ...use(drive),
        },
        settings: service.settings,
      };
    }),
};

const stepName = (share: number): string => `${Math.round(100 * share)} %`;
const okShare = (phases: readonly { readonly requests: number; readonly outcomes: { readonly ok: number } }[]) => {
  const [ok, all] = phases.reduce(([a, b], { requests, outcomes }) => [a + outcomes.ok, b + requests], [0, 0]);
  return Number((ok / all).toFixed(4));
};
