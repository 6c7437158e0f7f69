import { decodeJoined, encodeJoined, type JoinedExample } from '../../src/join/index.js';
import type { SectionArray } from '../sections/index.js';

const prefix = 'waiting/';

/** Examples as sections, one per run of one partition, so that their order stays. */
export const encodeWaiting = (waiting: readonly JoinedExample[]): [name: string, bytes: Uint8Array][] =>
  runsOf(waiting).map((run, i) => [`${prefix}${i}`, encodeRun(run)]);

export const decodeWaiting = (arrays: ReadonlyMap<string, SectionArray>): JoinedExample[] =>
  [...arrays].flatMap(([name, run]) => (name.startsWith(prefix) ? decodeJoined(run as Uint8Array).examples : []));

function runsOf(examples: readonly JoinedExample[]): JoinedExample[][] {
  const runs: JoinedExample[][] = [];
  for (const example of examples) {
    const last = runs.at(-1);
    if (last?.[0]?.partition === example.partition) last.push(example);
    else runs.push([example]);
  }
  return runs;
}

function encodeRun(run: readonly JoinedExample[]): Uint8Array {
  const { partition = 0, ranker = '' } = run[0] ?? {};
  return encodeJoined({ ranker, partition, watermark: 0, from: 0, firstOutcome: 0, outcomes: [], examples: run });
}
