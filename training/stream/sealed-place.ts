import type { LoadedArtifact } from '../../src/artifact/index.js';
import type { JoinedExample } from '../../src/join/index.js';
import { decodeSections, encodeSections } from '../sections/index.js';
import { decodeWaiting, encodeWaiting } from './waiting.js';
import type { Learner } from './learner.js';
import type { LearnerPlace } from './place.js';
import type { Windows } from './windows.js';

const file = 'learner.bin';

/** Where a learner stood when it sealed a version. */
export interface SealedPlace {
  readonly place: LearnerPlace;
  readonly waiting: readonly JoinedExample[];
  readonly windows: Uint8Array;
}

/** The files below `training/` that a version sealed from the stream has beside weights and tables. */
export function encodeSealedPlace(
  { place, waiting }: Pick<Learner, 'place' | 'waiting'>,
  windows: Pick<Windows, 'snapshot'>,
): ReadonlyMap<string, Uint8Array> {
  const arrays = new Map([['windows', windows.snapshot()], ...encodeWaiting(waiting)]);
  return new Map([[file, encodeSections({ header: place, arrays })]]);
}

/** Undefined for a version that was trained from files. */
export async function decodeSealedPlace({ training }: LoadedArtifact): Promise<SealedPlace | undefined> {
  const bytes = training?.get(file);
  if (bytes === undefined) return undefined;
  const { header, arrays } = await decodeSections(bytes, `training/${file}`);
  return {
    place: header as LearnerPlace,
    waiting: decodeWaiting(arrays),
    windows: arrays.get('windows') as Uint8Array,
  };
}
