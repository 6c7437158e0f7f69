import { WatchnextError, type Problem } from '../errors.js';
import { decodeFeatureBatch, encodeFeatureBatch, type FeatureBatch } from '../features/index.js';

/** Rows with the trainer's own answers: whoever serves the version must agree before it takes traffic. */
export interface Golden {
  readonly batch: FeatureBatch;
  /** [rows, tasks] in natural units. */
  readonly heads: Float32Array;
}

/**
 * golden.bin, little-endian: "wngolden", uint32 version 1, rows, tasks, bytes of the batch; heads float32 [rows, tasks];
 * the batch as src/features encodes it. Its checksum is in the manifest.
 */
const magic = Buffer.from('wngolden', 'latin1');
const version = 1;
const headerBytes = 24;

export function encodeGolden({ batch, heads }: Golden): Uint8Array {
  const features = encodeFeatureBatch(batch);
  const bytes = Buffer.alloc(headerBytes + 4 * heads.length + features.length);
  magic.copy(bytes);
  [version, batch.rows, heads.length / batch.rows, features.length].forEach((word, i) =>
    bytes.writeUInt32LE(word, 8 + 4 * i),
  );
  heads.forEach((value, i) => bytes.writeFloatLE(value, headerBytes + 4 * i));
  bytes.set(features, headerBytes + 4 * heads.length);
  return bytes;
}

export function decodeGolden(bytes: Uint8Array): Golden {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < headerBytes || !file.subarray(0, 8).equals(magic)) throw damaged('it is not a golden file');
  const [found, rows, tasks, featureBytes] = [8, 12, 16, 20].map((at) => file.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  if (found !== version) throw damaged(`its format is version ${found}; this program reads version ${version}`);
  const featuresAt = headerBytes + 4 * rows * tasks;
  if (featuresAt + featureBytes !== file.length) throw damaged(`it holds ${file.length} bytes, not what it announces`);
  const heads = Float32Array.from({ length: rows * tasks }, (_, i) => file.readFloatLE(headerBytes + 4 * i));
  // A copy, because the codec wants aligned bytes.
  const batch = decodeFeatureBatch(Uint8Array.from(file.subarray(featuresAt)));
  if (batch.rows !== rows) throw damaged(`it has heads for ${rows} rows and features for ${batch.rows}`);
  return { batch, heads };
}

const damaged = (why: string): WatchnextError =>
  new WatchnextError('artifact_damaged', `golden.bin was refused: ${why}.`, {
    problems: [{ path: 'golden.bin', message: why, hint: 'restore the file, or train the model again' }],
  });

export interface VerifyGoldenOptions {
  readonly golden: Golden;
  /** Head names in column order, for the message. */
  readonly tasks: readonly string[];
  readonly score: (batch: FeatureBatch) => Promise<{ readonly heads: Float32Array }> | { readonly heads: Float32Array };
  /** Largest difference allowed: absolute up to 1, relative to the expected value beyond; 1e-5 if left out. */
  readonly tolerance?: number;
}

const shownProblems = 10;

/** Scores the golden rows and throws `artifact_damaged` with the row, the head, the expected and the got value. */
export async function verifyGolden({ golden, tasks, score, tolerance = 1e-5 }: VerifyGoldenOptions): Promise<void> {
  const { heads } = await score(golden.batch);
  if (heads.length !== golden.heads.length) {
    throw disagreement([
      { path: 'golden.bin', message: `expected ${golden.heads.length} values, got ${heads.length}` },
    ]);
  }
  const problems: Problem[] = [];
  golden.heads.forEach((expected, i) => {
    const got = heads[i] as number;
    // Not `>`: a difference that is not a number must count too.
    if (Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected))) return;
    const [row, head] = [Math.floor(i / tasks.length), tasks[i % tasks.length] ?? ''];
    problems.push({ path: `golden.bin row ${row} head ${head}`, message: `expected ${expected}, got ${got}` });
  });
  if (problems.length > 0) throw disagreement(problems);
}

function disagreement(problems: readonly Problem[]): WatchnextError {
  const first = problems[0] as Problem;
  const others = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new WatchnextError(
    'artifact_damaged',
    `The model does not score its golden rows as its trainer did: ${first.path}: ${first.message}${others}.`,
    { problems: problems.slice(0, shownProblems) },
  );
}
