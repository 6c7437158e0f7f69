import { WatchnextError, type ErrorCode } from '../../src/errors.js';
import { SeededRandom } from '../../training/fit/random.js';
import { cpuTimeMs } from '../cpu-time.js';

/** Numbers that lengths and counts are easily wrong about. */
const extremes = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** What happens to files: bits flip, ends are missing, blocks are zero, copied, or from elsewhere. One to three at a time. */
export const damaged = (bytes: Uint8Array, random: SeededRandom): Buffer => {
  let file: Buffer = Buffer.from(bytes);
  for (let times = 1 + random.below(3); times > 0; times--) file = damageOnce(file, random);
  return file.equals(bytes) ? damaged(bytes, random) : file;
};

const damageOnce = (file: Buffer, random: SeededRandom): Buffer => {
  if (file.length === 0) return Buffer.from([random.below(256)]);
  const at = random.below(file.length);
  const length = 1 + random.below(Math.min(64, file.length - at));
  switch (random.below(8)) {
    case 0:
      file[at] = (file[at] ?? 0) ^ (1 << random.below(8));
      return file;
    case 1:
      file[at] = random.below(256);
      return file;
    case 2:
      return file.subarray(0, at);
    case 3:
      return Buffer.concat([file, Buffer.alloc(1 + random.below(16), random.below(256))]);
    case 4:
      return file.fill(random.below(2) === 0 ? 0 : 0xff, at, at + length);
    case 5:
      return Buffer.concat([file.subarray(0, at), file.subarray(at + length)]);
    case 6:
      return Buffer.concat([file.subarray(0, at + length), file.subarray(at)]);
    default: {
      const word = Math.min(at - (at % 4), file.length - 4);
      if (word >= 0) file.writeUInt32LE(extremes[random.below(extremes.length)] ?? 0, word);
      return file;
    }
  }
};

export interface FuzzOptions {
  readonly of: Uint8Array;
  /** Completes what was damaged, such as with a checksum that is right; as it is if left out. */
  readonly reseal?: (bytes: Buffer) => Buffer;
  /** Reads all of it; may throw a WatchnextError. */
  readonly read: (bytes: Buffer) => unknown;
  readonly runs: number;
  readonly seed: number;
  /** What damage may be refused with. */
  readonly codes: readonly ErrorCode[];
}

/** For one file, however damaged; the slowest are those that are read whole. */
const mostMs = 500;
/** Beyond this and {@link bytesPerByte} times the file, a reader believed a length that it did not check. */
const freeBytes = 16 * 2 ** 20;
const bytesPerByte = 64;

/**
 * Reads damaged copies: each is read or refused with one of the codes, in bounded time and memory. Answers how many were
 * which; throws with the seed, the run and the bytes for anything else.
 */
export const fuzzReader = ({ of, reseal, read, runs, seed, codes }: FuzzOptions): { read: number; refused: number } => {
  const counts = { read: 0, refused: 0 };
  for (let run = 0; run < runs; run++) {
    const broken = damaged(of, new SeededRandom(seed * 1_000_003 + run));
    const bytes = reseal === undefined ? broken : reseal(broken);
    const found = (what: string, cause?: unknown): Error =>
      new Error(`seed ${seed}, run ${run}: ${what}; bytes ${bytes.subarray(0, 2000).toString('base64')}`, { cause });
    const readOnce = (): { outcome: 'read' | 'refused'; ms: number; grown: number } => {
      const before = held();
      const started = cpuTimeMs();
      let outcome: 'read' | 'refused' = 'read';
      try {
        read(bytes);
      } catch (error) {
        if (!(error instanceof WatchnextError)) throw found(`threw ${String(error)}`, error);
        if (!codes.includes(error.code)) throw found(`refused with ${error.code}: ${error.message}`, error);
        outcome = 'refused';
      }
      return { outcome, ms: cpuTimeMs() - started, grown: held() - before };
    };
    const most = freeBytes + bytesPerByte * bytes.length;
    let { outcome, ms, grown } = readOnce();
    // Other work on the machine and the collector's own accounts show once; what a reader does, it does each time.
    for (let again = 0; again < 3 && (ms > mostMs || grown > most); again++) ({ outcome, ms, grown } = readOnce());
    if (ms > mostMs) throw found(`took ${ms.toFixed(0)} ms`);
    if (grown > most) throw found(`${grown} bytes for ${bytes.length}`);
    counts[outcome]++;
  }
  return counts;
};

const held = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
