import type { RankerDefinition } from '../../src/definition/index.js';
import { parseTable, type EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createEncoder,
  embeddingLookups,
  type Encoder,
  type FeatureBatch,
  type FeatureParameters,
  type InputLayout,
  type NetworkInputs,
} from '../../src/features/index.js';
import type { Examples } from './examples.js';
import { scaleLabels, type LabelScaling } from './labels.js';
import { admitBatch } from './prepare.js';
import type { Stopwatch } from './stopwatch.js';
import type { Engine, NamedArrays } from './types.js';

export interface ModelOptions {
  readonly definition: RankerDefinition;
  readonly layout: InputLayout;
  readonly parameters: FeatureParameters;
  readonly scaling: LabelScaling;
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  readonly engine: Engine;
  /** Of the dense optimiser. */
  readonly learningRate: number;
  readonly stopwatch: Stopwatch;
}

export interface StepOptions {
  /** Factor on the learning rates of dense weights and embeddings. */
  readonly rateFactor: number;
  /** Seeds the step's random inputs. */
  readonly seed: number;
  /** Share of training that is over, 1 if left out. */
  readonly progress?: number;
}

/** Everything that learning changes: restoring it and taking the same steps gives the same bits. */
export interface ModelState {
  /** Weights, their averages and optimiser state. */
  readonly dense: NamedArrays;
  /** Tables with their optimiser state. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
}

/**
 * The dense network in its engine and the embedding tables beside it, as one thing that learns and predicts. Calls are
 * strictly one after the other: rows are gathered after the previous update, so results do not depend on timing. Where
 * the definition asks for averages, learning moves the weights and predicting uses their averages.
 */
export class RankerModel {
  readonly #options: ModelOptions;
  #tables: ReadonlyMap<string, EmbeddingTable>;
  #encoder: Encoder;
  /** Tables and encoder of the averages, until learning moves on. */
  #served: { readonly tables: ReadonlyMap<string, EmbeddingTable>; readonly encoder: Encoder } | undefined;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#tables = options.tables;
    this.#encoder = this.#encoderOf(options.tables);
  }

  /** Gives rows to ids that were met often enough by now; the last request's time if left out. */
  admit({ batch, times }: Pick<Examples, 'batch' | 'times'>, nowMs = times.at(-1) ?? 0): void {
    admitBatch(this.#options.layout, { tables: this.#tables, batch, nowMs });
    this.#served = undefined;
  }

  /** Drops the rows of ids that expired by now; answers how many. */
  expire(nowMs: number): number {
    let dropped = 0;
    for (const table of this.#tables.values()) dropped += table.expire(nowMs);
    if (dropped > 0) this.#served = undefined;
    return dropped;
  }

  /** Starts the embedding rows anew, keeping ids and dense weights. */
  reinitialiseEmbeddings(epoch: number): void {
    for (const table of this.#tables.values()) table.reinitialise(epoch);
    this.#served = undefined;
  }

  /** One step; answers [tasks] the weighted loss of the batch before it. The step is under way when the call returns. */
  async learn(examples: Examples, { rateFactor, seed, progress = 1 }: StepOptions): Promise<Float32Array> {
    const { engine, stopwatch, scaling, learningRate, layout } = this.#options;
    const { batch, positions } = examples;
    const step = stopwatch.measure('encode', () => ({
      ...owned(this.#encoder.encode(batch)),
      ...scaleLabels(scaling, examples.labels, examples.weights),
      bias: this.#encoder.biasCells(batch, positions),
      seed,
      learningRate: learningRate * rateFactor,
      progress,
    }));
    const { losses, requestGradient, candidateGradient } = await stopwatch.wait('step', engine.step(step));
    // The engine refuses such a step too; whoever watches the losses ends the run.
    if (!losses.every(Number.isFinite)) return losses;
    this.#served = undefined;
    stopwatch.measure('embeddings', () => {
      for (const { slot, offsets, keys } of embeddingLookups(layout, batch)) {
        const [gradient, stride] =
          slot.side === 'request' ? [requestGradient, layout.requestWidth] : [candidateGradient, layout.candidateWidth];
        this.#table(slot.table).accumulate({ offsets, keys, gradient, stride, offset: slot.offset });
      }
      for (const table of this.#tables.values()) table.update(rateFactor);
    });
    return losses;
  }

  /** [rows, tasks] logits. */
  async predict(batch: FeatureBatch): Promise<Float32Array> {
    return this.#options.engine.predict(owned(this.#serving().encoder.encode(batch)));
  }

  /** The tables that learn. */
  get tables(): ReadonlyMap<string, EmbeddingTable> {
    return this.#tables;
  }

  /** The tables as they are served: averages of their rows where averages are kept. */
  servedTables(): ReadonlyMap<string, EmbeddingTable> {
    return this.#serving().tables;
  }

  /** Weights, their averages and optimiser state; copies. */
  denseState(): Promise<NamedArrays> {
    return this.#options.engine.state();
  }

  async state(): Promise<ModelState> {
    return {
      dense: await this.denseState(),
      tables: new Map([...this.#tables].map(([name, table]) => [name, table.serialise()])),
    };
  }

  async restore({ dense, tables }: ModelState): Promise<void> {
    // Copies, because the engine may take what it loads to another thread.
    await this.#options.engine.load(new Map([...dense].map(([name, values]) => [name, values.slice()])));
    this.#tables = new Map([...tables].map(([name, bytes]) => [name, parseTable(bytes, name)]));
    this.#encoder = this.#encoderOf(this.#tables);
    this.#served = undefined;
  }

  #serving(): { readonly tables: ReadonlyMap<string, EmbeddingTable>; readonly encoder: Encoder } {
    if (this.#options.definition.training?.averaging === undefined) {
      return { tables: this.#tables, encoder: this.#encoder };
    }
    if (this.#served === undefined) {
      const tables = new Map([...this.#tables].map(([name, table]) => [name, table.averaged()]));
      this.#served = { tables, encoder: this.#encoderOf(tables) };
    }
    return this.#served;
  }

  #table(name: string | undefined): EmbeddingTable {
    const table = this.#tables.get(name ?? '');
    if (table === undefined) throw new Error(`no embedding table ${name ?? ''}`);
    return table;
  }

  #encoderOf(tables: ReadonlyMap<string, EmbeddingTable>): Encoder {
    const { definition, parameters } = this.#options;
    return createEncoder({ definition, parameters, tables });
  }
}

/** The engine keeps what it is given: `requestOf` still belongs to the batch. */
const owned = (inputs: NetworkInputs): NetworkInputs => ({ ...inputs, requestOf: inputs.requestOf.slice() });
