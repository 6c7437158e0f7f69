import type { Manifest } from './manifest.js';

/** By the ranker that served them: rows learned, and how many of those were of requests in each arm (experiment/arm). */
export type Sources = Readonly<
  Record<string, { readonly rows: number; readonly arms: Readonly<Record<string, number>> }>
>;

/** Where the rows came from that a version learned from the stream; undefined for one that did not, or did not count them. */
export const sourcesOf = ({ trainer: { sources } }: Pick<Manifest, 'trainer'>): Sources | undefined =>
  typeof sources === 'object' && sources !== null ? (sources as Sources) : undefined;

/** By arm: rows, whoever served them. */
export const rowsByArm = (sources: Sources): ReadonlyMap<string, number> => {
  const byArm = new Map<string, number>();
  for (const { arms } of Object.values(sources)) {
    for (const [arm, rows] of Object.entries(arms)) byArm.set(arm, (byArm.get(arm) ?? 0) + rows);
  }
  return byArm;
};
