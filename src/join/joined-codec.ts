import { encodeFrame, readFrame, type Fields, type Frame, type Labels, type Outcome } from '../features/index.js';
import { concat, packBytes, parts, unpackBytes } from './packing.js';
import type { JoinedEntry, JoinedExample } from './types.js';

const format = { magic: 'WNJE', version: 1, what: 'joined entry' };

interface Header {
  readonly ranker: string;
  readonly partition: number;
  /** Of the labels of outcomes. */
  readonly tasks: readonly string[];
  /** Outcomes of one list one after the other: their user and context once, then each candidate. */
  readonly lists: readonly (readonly [user: Fields, context: Fields, candidates: readonly Fields[]])[];
  readonly examples: readonly Pick<JoinedExample, 'requestId' | 'ranker' | 'version' | 'fingerprint' | 'arms'>[];
}

/** time, since (NaN: left out), 1 if there are labels before. */
const outcomeWidth = 3;
/** sequence, time, matured, rows, feedback times. */
const exampleWidth = 5;

/**
 * An entry as bytes; the same for the same entry. Labels are kept as float32, which the joiner's are; fields as JSON, so
 * that only texts, finite numbers and booleans survive, which is all that state looks at.
 */
export function encodeJoined(entry: JoinedEntry): Uint8Array {
  const { ranker, partition, watermark, from, firstOutcome, outcomes, examples } = entry;
  const tasks = Object.keys(outcomes[0]?.labels ?? {});
  const header: Header = {
    ranker,
    partition,
    tasks,
    lists: listsOf(outcomes),
    examples: examples.map(({ requestId, ranker: of, version, fingerprint, arms }) => ({
      requestId,
      ranker: of,
      version,
      fingerprint,
      arms,
    })),
  };
  const row = (labels: Labels): number[] => tasks.map((task) => labels[task] ?? Number.NaN);
  return encodeFrame(format, header, [
    Float64Array.of(watermark, from, firstOutcome),
    Float64Array.from(
      outcomes.flatMap(({ time, since = Number.NaN, before }) => [time, since, before === undefined ? 0 : 1]),
    ),
    Float32Array.from(outcomes.flatMap(({ labels }) => row(labels))),
    Float32Array.from(outcomes.flatMap(({ before }) => (before === undefined ? [] : row(before)))),
    Float64Array.from(
      examples.flatMap(({ sequence, time, matured, positions, feedbackTimes }) => [
        sequence,
        time,
        matured,
        positions.length,
        feedbackTimes.length,
      ]),
    ),
    concat(
      Int32Array,
      examples.map(({ positions }) => positions),
    ),
    concat(
      Float32Array,
      examples.map(({ labels }) => labels),
    ),
    concat(
      Float32Array,
      examples.map(({ served }) => served),
    ),
    concat(
      Float64Array,
      examples.map(({ feedbackTimes }) => feedbackTimes),
    ),
    ...packBytes(examples.map(({ features }) => features)),
  ]);
}

function listsOf(outcomes: readonly Outcome[]): Header['lists'] {
  const lists: (readonly [Fields, Fields, Fields[]])[] = [];
  for (const { user, context, candidate } of outcomes) {
    const last = lists.at(-1);
    if (last?.[0] === user && last[1] === context) last[2].push(candidate);
    else lists.push([user, context, [candidate]]);
  }
  return lists;
}

/** Throws artifact_damaged for anything that encodeJoined did not write. */
export const decodeJoined = (bytes: Uint8Array): JoinedEntry => readFrame(bytes, format, entryOf);

function entryOf(frame: Frame): JoinedEntry {
  const header = frame.header as Header;
  const { ranker, partition, tasks, lists } = header;
  const [watermark = Number.NaN, from = 0, firstOutcome = 0] = frame.next('f64', 3);
  const said = lists.flatMap(([user, context, candidates]) =>
    candidates.map((candidate) => ({ user, context, candidate })),
  );
  const times = frame.next('f64', said.length * outcomeWidth);
  const [labelled, corrected] = [parts(frame.next('f32', said.length * tasks.length)), parts(frame.next('f32'))];
  const named = (labels: Float32Array): Labels =>
    Object.fromEntries(tasks.map((task, i) => [task, labels[i] ?? Number.NaN]));
  const outcomes = said.map((fields, i): Outcome => {
    const [time = 0, since = Number.NaN, before = 0] = times.subarray(i * outcomeWidth);
    return {
      time,
      ...fields,
      labels: named(labelled.next(tasks.length)),
      ...(before === 1 && { before: named(corrected.next(tasks.length)) }),
      ...(!Number.isNaN(since) && { since }),
    };
  });
  const numbers = frame.next('f64', header.examples.length * exampleWidth);
  const positions = parts(frame.next('i32'));
  const labels = parts(frame.next('f32'));
  const served = parts(frame.next('f32', labels.length));
  const feedbackTimes = parts(frame.next('f64'));
  const features = unpackBytes(frame, header.examples.length);
  const width = positions.length === 0 ? 0 : labels.length / positions.length;
  const examples = header.examples.map((names, i): JoinedExample => {
    const [sequence = 0, time = 0, matured = 0, rows = 0, heard = 0] = numbers.subarray(i * exampleWidth);
    return {
      partition,
      sequence,
      time,
      matured,
      ...names,
      positions: positions.next(rows),
      features: features[i] ?? new Uint8Array(0),
      labels: labels.next(rows * width),
      served: served.next(rows * width),
      feedbackTimes: feedbackTimes.next(heard),
    };
  });
  return { ranker, partition, watermark, from, firstOutcome, outcomes, examples };
}
