import { parentPort, workerData } from 'node:worker_threads';
import { WatchnextError } from '../../src/errors.js';
import { outcomeDescriber } from '../../src/features/index.js';
import { createPipeline, type Pipeline } from '../../src/join/index.js';
import {
  unpackRecords,
  type Failed,
  type JoinCall,
  type JoinReply,
  type JoinStart,
  type SnapshotNews,
  type Standing,
  type Taken,
} from './joining-calls.js';

const port = parentPort;
if (port !== null) serve(port, workerData as JoinStart);

/** Merging and joining in a thread of its own; it has no log, and what it answers depends on what it is given alone. */
function serve(to: NonNullable<typeof parentPort>, { definition, partitions, snapshot, start }: JoinStart): void {
  const reply = (message: JoinReply | SnapshotNews, give: readonly ArrayBuffer[] = []): void =>
    to.postMessage(message, give);
  let begun: { readonly pipeline: Pipeline } | { readonly failure: unknown } | undefined;
  const opened = (): Pipeline => {
    begun ??= begin();
    if ('failure' in begun) throw begun.failure;
    return begun.pipeline;
  };
  const begin = (): NonNullable<typeof begun> => {
    const frames = snapshot && { snapshot: { [Symbol.iterator]: () => emptied(snapshot) } };
    try {
      return { pipeline: createPipeline({ definition, partitions, examples: true, start, ...frames }) };
    } catch (failure) {
      return { failure };
    }
  };
  const unwritten: Iterator<Uint8Array>[] = [];
  /** One frame, then whoever asks has a turn. */
  const write = (): void => {
    try {
      const found = unwritten[0]?.next();
      const frame = found === undefined || found.done === true ? undefined : ownBytes(found.value);
      if (frame === undefined) unwritten.shift();
      reply({ frame }, frame === undefined ? [] : [frame.buffer]);
    } catch (error) {
      unwritten.shift();
      reply({ unwritten: failed(error) });
    }
    if (unwritten.length > 0) setImmediate(write);
  };
  const describe = outcomeDescriber(definition);
  const take = (open: Pipeline, records: Extract<JoinCall, { name: 'take' }>['records']): Taken => {
    const { joined, letters } = open.take(unpackRecords(records));
    return {
      joined: { ...joined, outcomes: describe(joined.outcomes), examples: joined.examples.arrays },
      letters: letters.map((letter) => ({ ...letter, value: letter.value.slice() })),
      standing: standingOf(open),
    };
  };
  to.on('message', (call: JoinCall) => {
    try {
      const pipeline = opened();
      if (call.name === 'take') {
        const taken = take(pipeline, call.records);
        reply({ result: taken }, buffersOf(taken));
      } else if (call.name === 'snapshot') {
        if (unwritten.push(pipeline.snapshot()[Symbol.iterator]()) === 1) setImmediate(write);
        reply({ result: undefined });
      } else reply({ result: standingOf(pipeline) });
    } catch (error) {
      reply(failed(error));
    }
  });
}

function failed(error: unknown): Failed {
  const { message } = error as Error;
  return {
    error:
      error instanceof WatchnextError
        ? { code: error.code, message, problems: error.problems }
        : { message, problems: [] },
  };
}

/** Lets go of each as it is read: what a thread was started with stays as long as it. */
function* emptied(frames: Uint8Array[]): Generator<Uint8Array> {
  for (let frame = frames.shift(); frame !== undefined; frame = frames.shift()) yield frame;
}

/** To be given away. */
const ownBytes = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes);

const standingOf = (pipeline: Pipeline): Standing => {
  const { buffered, behind } = pipeline.status();
  return { reading: { bytes: buffered.bytes, behind, next: pipeline.next() }, position: pipeline.position() };
};

/** Given away with an answer. */
const buffersOf = ({ joined: { outcomes, examples } }: Taken): ArrayBuffer[] => [
  outcomes.times.buffer,
  outcomes.since.buffer,
  ...outcomes.features.flatMap(({ ends, records }) => [ends.buffer, records.buffer]),
  // What holds no examples is the same every time.
  ...(examples.requestIds.length === 0 ? [] : [examples.numbers.buffer, examples.memory]),
];
