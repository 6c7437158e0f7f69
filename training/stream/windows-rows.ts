import {
  concatBatches,
  decodeFeatureBatch,
  decodeFrame,
  encodeFeatureBatch,
  encodeFrame,
  requestStarts,
  selectRequests,
} from '../../src/features/index.js';
import type { JudgedRows } from './types.js';

/** The given requests with their rows, in the given order; copies. */
export const selectJudged = (judged: JudgedRows, requests: readonly number[]): JudgedRows => {
  const starts = requestStarts(judged.batch);
  const tasks = judged.labels.length / Math.max(1, judged.batch.rows);
  const cut = (values: Float32Array): Float32Array[] =>
    requests.map((request) => values.subarray((starts[request] ?? 0) * tasks, (starts[request + 1] ?? 0) * tasks));
  return {
    batch: selectRequests(judged.batch, requests),
    times: Float64Array.from(requests, (request) => judged.times[request] ?? Number.NaN),
    labels: joined(cut(judged.labels)),
    predicted: joined(cut(judged.predicted)),
    served: joined(cut(judged.served)),
    versions: requests.map((request) => judged.versions[request] ?? ''),
    arms: requests.map((request) => judged.arms[request] ?? []),
  };
};

/** One after the other; copies. */
export const concatJudged = (parts: readonly JudgedRows[]): JudgedRows => ({
  batch: concatBatches(parts.map(({ batch }) => batch)),
  times: Float64Array.from(parts.flatMap(({ times }) => [...times])),
  labels: joined(parts.map(({ labels }) => labels)),
  predicted: joined(parts.map(({ predicted }) => predicted)),
  served: joined(parts.map(({ served }) => served)),
  versions: parts.flatMap(({ versions }) => versions),
  arms: parts.flatMap(({ arms }) => arms),
});

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const format = { magic: 'WNJR', version: 1, what: 'judged rows' };

interface Header {
  readonly versions: readonly string[];
  readonly arms: readonly (readonly string[])[];
}

/** As bytes: the same for the same rows. */
export const encodeJudged = ({ batch, times, labels, predicted, served, versions, arms }: JudgedRows): Uint8Array => {
  const named = numbered(versions);
  const grouped = numbered(arms.map((ofRequest) => JSON.stringify(ofRequest)));
  const header: Header = {
    versions: named.names,
    arms: grouped.names.map((text) => JSON.parse(text) as readonly string[]),
  };
  const words = wordsOf(encodeFeatureBatch(batch));
  return encodeFrame(format, header, [words, times, labels, predicted, served, named.indices, grouped.indices]);
};

/** Throws artifact_damaged for what encodeJudged did not write. */
export const decodeJudged = (bytes: Uint8Array): JudgedRows => {
  const frame = decodeFrame(bytes, format);
  const { versions, arms } = frame.header as Header;
  const batch = decodeFeatureBatch(bytesOf(frame.next('u32')));
  const times = frame.next('f64', batch.requests);
  const labels = frame.next('f32');
  const predicted = frame.next('f32', labels.length);
  const served = frame.next('f32', labels.length);
  const versionOf = frame.next('i32', batch.requests);
  const armsOf = frame.next('i32', batch.requests);
  return {
    batch,
    times,
    labels,
    predicted,
    served,
    versions: Array.from(versionOf, (index) => versions[index] ?? ''),
    arms: Array.from(armsOf, (index) => arms[index] ?? []),
  };
};

/** Bytes of a frame as an array in another; their number is a multiple of 8. */
export const wordsOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, byteLength / 4);

export const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Texts in the order of their first use, and each one's number. */
const numbered = (texts: readonly string[]): { readonly names: readonly string[]; readonly indices: Int32Array } => {
  const numbers = new Map<string, number>();
  const indices = Int32Array.from(texts, (text) => {
    const known = numbers.get(text) ?? numbers.size;
    numbers.set(text, known);
    return known;
  });
  return { names: [...numbers.keys()], indices };
};
