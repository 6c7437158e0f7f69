import { parentPort, workerData } from 'node:worker_threads';
import { WatchnextError } from '../../src/errors.js';
import { outcomeDescriber } from '../../src/features/index.js';
import { createPipeline, type Pipeline } from '../../src/join/index.js';
import {
  unpackRecords,
  type JoinCall,
  type JoinReply,
  type JoinStart,
  type Standing,
  type Taken,
} from './joining-calls.js';

const port = parentPort;
if (port !== null) serve(port, workerData as JoinStart);

/** Merging and joining in a thread of its own; it has no log, and what it answers depends on what it is given alone. */
function serve(to: NonNullable<typeof parentPort>, { definition, partitions, start }: JoinStart): void {
  const reply = (message: JoinReply, give: readonly ArrayBuffer[] = []): void => to.postMessage(message, give);
  let pipeline: Pipeline | undefined;
  const describe = outcomeDescriber(definition);
  const take = (open: Pipeline, records: Extract<JoinCall, { name: 'take' }>['records']): Taken => {
    const { joined, letters } = open.take(unpackRecords(records));
    return {
      joined: { ...joined, outcomes: describe(joined.outcomes) },
      letters: letters.map((letter) => ({ ...letter, value: letter.value.slice() })),
      standing: standingOf(open),
    };
  };
  to.on('message', (call: JoinCall) => {
    try {
      pipeline ??= createPipeline({ definition, partitions, examples: true, start });
      if (call.name === 'take') {
        const taken = take(pipeline, call.records);
        reply({ result: taken }, buffersOf(taken));
      } else reply({ result: call.name === 'snapshot' ? pipeline.snapshot() : standingOf(pipeline) });
    } catch (error) {
      const { message } = error as Error;
      reply({
        error:
          error instanceof WatchnextError
            ? { code: error.code, message, problems: error.problems }
            : { message, problems: [] },
      });
    }
  });
}

const standingOf = (pipeline: Pipeline): Standing => {
  const { buffered, behind } = pipeline.status();
  return { reading: { bytes: buffered.bytes, behind, next: pipeline.next() }, position: pipeline.position() };
};

/** Given away with an answer: what examples lie in stays here, because others lie in it too. */
const buffersOf = ({ joined: { outcomes } }: Taken): ArrayBuffer[] => [
  outcomes.times.buffer,
  outcomes.since.buffer,
  ...outcomes.features.flatMap(({ ends, records }) => [ends.buffer, records.buffer]),
];
