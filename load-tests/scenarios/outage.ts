import { round } from '../measure/index.js';
import { failures, latencyMeasures, sum, use, warmUpPhase } from './measures.js';
import type { Drive, Lab, Subject } from './lab.js';
import type { Finding } from './types.js';

/** A server that the service depends on and that can be taken away. */
export interface Dependency {
  readonly begin: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
}

/** Load before, during and after a time in which something that the service depends on is away. */
export const withOutage = async (
  lab: Lab,
  subject: Subject,
  { begin, end }: Dependency,
): Promise<Finding & { readonly drive: Drive }> => {
  const rate = lab.heldRate;
  const quick = lab.options.quick;
  const warm = warmUpPhase(lab);
  const before = quick ? 5 : 10;
  const away = lab.seconds(15, 6);
  const phases = [
    warm,
    { name: 'before', seconds: before, rate },
    { name: 'away', seconds: away, rate },
    // The server comes back and what waited for it moves on.
    { name: 'returning', seconds: quick ? 5 : 8, rate },
    { name: 'after', seconds: quick ? 5 : 10, rate },
  ];
  const goneMs = 1000 * (warm.seconds + before);
  const deeds = [
    { atMs: goneMs, run: begin },
    { atMs: goneMs + 1000 * away, run: end },
  ];
  const drive = await subject.drive({ phases, deeds });
  const p99 = (name: string): number => latencyMeasures(drive, name)['p99Ms'] ?? NaN;
  const answeredShare = (name: string): number => {
    const { outcomes, requests } = drive.phase(name);
    return round((outcomes.ok + outcomes.degraded) / requests, 4);
  };
  return {
    drive,
    measures: {
      beforeP99Ms: p99('before'),
      awayP99Ms: p99('away'),
      afterP99Ms: p99('after'),
      afterP99Ratio: round(p99('after') / p99('before')),
      answeredShareAway: answeredShare('away'),
      degraded: sum(drive, 'degraded'),
      degradedAfter: drive.phase('after').outcomes.degraded,
      ...failures(drive),
      ...use(drive),
    },
    settings: subject.service.settings,
  };
};
