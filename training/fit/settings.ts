import { WatchnextError } from '../../src/errors.js';
import { durationMs, type RankerDefinition, type TrainingDefinition } from '../../src/definition/index.js';
import type { ExampleSpool, RequestRange } from './spool.js';

type Given<K extends keyof TrainingDefinition> = NonNullable<TrainingDefinition[K]>;

/** The definition's `training` with every default filled in; docs/training.md lists them. */
export interface TrainingSettings {
  readonly batch: number;
  readonly epochs: number;
  readonly patience: number;
  readonly validation: Given<'validation'> | undefined;
  readonly optimizer: Given<'optimizer'>;
  readonly embeddings: Given<'embeddings'>;
  readonly embeddingInit: number;
  readonly embeddingPenalty: number;
  readonly reinitialiseEmbeddings: boolean;
  readonly averaging: number | undefined;
  readonly progressiveRate: number;
  readonly seed: number;
}

/** One epoch is the default: ids are overfitted from the second on, unless their rows are re-initialised. */
export function trainingSettings(definition: RankerDefinition, seed?: number): TrainingSettings {
  const training = definition.training ?? {};
  const epochs = training.epochs ?? 1;
  return {
    batch: training.batch ?? 1024,
    epochs,
    patience: training.patience ?? epochs,
    validation: training.validation,
    optimizer: training.optimizer ?? { kind: 'adam', rate: 0.001 },
    embeddings: training.embeddings ?? { kind: 'lazy_adam', rate: 0.001 },
    embeddingInit: training.embedding_init ?? 0.01,
    embeddingPenalty: training.embedding_penalty ?? 0,
    reinitialiseEmbeddings: training.reinitialise_embeddings ?? false,
    averaging: training.averaging,
    progressiveRate: training.progressive_rate ?? 1,
    seed: seed ?? training.seed ?? 1,
  };
}

/** Which requests are learned and which are held out to stop early. */
export interface Split {
  readonly training: RequestRange;
  readonly validation: RequestRange;
  readonly trainingRows: number;
  readonly validationRows: number;
}

/**
 * Holds out the last part of the log, in time order: what came no more than a duration before the last request, or the
 * last share of requests. Requests of one moment stay on one side. Refuses to hold out everything: what was never trained
 * would be sealed.
 */
export async function splitInTime(spool: ExampleSpool, heldOut: TrainingSettings['validation']): Promise<Split> {
  const end = spool.requests;
  const first = heldOut === undefined || end === 0 ? end : await spool.firstAt(await boundary(spool, heldOut));
  if (heldOut !== undefined && first === 0 && end > 0) throw await nothingLeft(spool, heldOut);
  const training = { first: 0, end: first };
  const validation = { first, end };
  const validationRows = heldOut === undefined ? 0 : await spool.rowsOf(validation);
  return { training, validation, trainingRows: spool.rows - validationRows, validationRows };
}

async function boundary(spool: ExampleSpool, heldOut: string | number): Promise<number> {
  if (typeof heldOut === 'string') return (await spool.timeOf(spool.requests - 1)) - durationMs(heldOut);
  const first = Math.round(spool.requests * (1 - heldOut));
  return first === spool.requests ? Infinity : await spool.timeOf(first);
}

async function nothingLeft(spool: ExampleSpool, heldOut: string | number): Promise<WatchnextError> {
  const [from, until] = [await spool.timeOf(0), await spool.timeOf(spool.requests - 1)].map((time) =>
    new Date(time).toISOString(),
  );
  return new WatchnextError('data_invalid', 'There is nothing to train on: validation holds out every row.', {
    problems: [
      {
        path: 'training.validation',
        message: `${heldOut} is all of the log, which runs from ${from} to ${until}`,
        hint: 'hold out less: a shorter time, or a share of the requests such as 0.1',
      },
    ],
  });
}
