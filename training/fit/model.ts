import type { RankerDefinition } from '../../src/definition/index.js';
import { parseTable, type EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createEncoder,
  embeddingLookups,
  type Encoder,
  type FeatureBatch,
  type FeatureParameters,
  type InputLayout,
} from '../../src/features/index.js';
import { MovingAverage } from './averaging.js';
import type { Examples } from './examples.js';
import { scaleLabels, type LabelScaling } from './labels.js';
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
  /** Decay per step of the moving average of the weights. */
  readonly averaging: number | undefined;
  readonly stopwatch: Stopwatch;
}

export interface StepOptions {
  /** Factor on the learning rates of dense weights and embeddings. */
  readonly rateFactor: number;
  /** Seeds the step's random inputs. */
  readonly seed: number;
}

/** Everything that learning changes: restoring it and taking the same steps gives the same bits. */
export interface ModelState {
  readonly dense: NamedArrays;
  /** The moving average of the dense weights, if one is kept. */
  readonly average: NamedArrays;
  /** Optimiser state included. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
  /** Steps that the average has followed. */
  readonly steps: number;
}

/**
 * The dense network in its engine and the embedding tables beside it, as one thing that learns and predicts. Calls are
 * strictly one after the other: rows are gathered after the previous update, so results do not depend on timing. Where
 * averages are kept, learning moves the weights and predicting uses their averages.
 */
export class RankerModel {
  readonly #options: ModelOptions;
  #tables: ReadonlyMap<string, EmbeddingTable>;
  #encoder: Encoder;
  readonly #average: MovingAverage | undefined;
  /** While the engine holds the averages: the weights that learning goes on from, and the encoder over averaged rows. */
  #served: { readonly learned: NamedArrays; readonly encoder: Encoder } | undefined;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#tables = options.tables;
    this.#encoder = this.#encoderOf(options.tables);
    this.#average =
      options.averaging === undefined ? undefined : new MovingAverage(options.averaging, options.engine.weights);
  }

  get tables(): ReadonlyMap<string, EmbeddingTable> {
    return this.#tables;
  }

  /** Tells the tables which ids were met, in time order, so that ids seen often enough have rows before learning starts. */
  admit({ batch, times }: Examples): void {
    const now = times.at(-1) ?? 0;
    for (const { slot, keys } of embeddingLookups(this.#options.layout, batch)) this.#table(slot.table).admit(keys, now);
  }

  /** One step; answers [tasks] the weighted loss of the batch before it. */
  async learn(examples: Examples, { rateFactor, seed }: StepOptions): Promise<Float32Array> {
    const { engine, stopwatch, scaling, learningRate } = this.#options;
    // No await where there is nothing to wait for: the caller prepares the next batch once the step is under way.
    if (this.#served !== undefined) await this.#returnToLearning(this.#served.learned);
    const { batch, positions } = examples;
    const step = stopwatch.measure('encode', () => ({
      ...this.#encoder.encode(batch),
      ...scaleLabels(scaling, examples.labels),
      bias: this.#encoder.biasCells(batch, positions),
      seed,
      learningRate: learningRate * rateFactor,
    }));
    const { losses, requestGradient, candidateGradient } = await stopwatch.wait('step', engine.step(step));
    stopwatch.measure('embeddings', () => {
      for (const { slot, offsets, keys } of embeddingLookups(this.#options.layout, batch)) {
        const [gradient, stride] =
          slot.side === 'request'
            ? [requestGradient, this.#options.layout.requestWidth]
            : [candidateGradient, this.#options.layout.candidateWidth];
        this.#table(slot.table).accumulate({ offsets, keys, gradient, stride, offset: slot.offset });
      }
      for (const table of this.#tables.values()) table.update(rateFactor);
    });
    if (this.#average !== undefined) await stopwatch.wait('average', this.#average.follow(engine));
    return losses;
  }

  /** [rows, tasks] logits. */
  async predict(batch: FeatureBatch): Promise<Float32Array> {
    return this.#options.engine.predict((await this.#servingEncoder()).encode(batch));
  }

  /** The tables as they are served: averages of their rows where averages are kept. */
  servedTables(): ReadonlyMap<string, EmbeddingTable> {
    if (this.#average === undefined) return this.#tables;
    return new Map([...this.#tables].map(([name, table]) => [name, table.averaged()]));
  }

  /** The dense weights as they are served. */
  async servedWeights(): Promise<NamedArrays> {
    await this.#servingEncoder();
    const state = await this.#options.engine.state();
    return new Map(this.#options.engine.weights.map((name) => [name, state.get(name) as Float32Array]));
  }

  /** Starts the embedding rows anew, keeping ids and dense weights. */
  reinitialiseEmbeddings(epoch: number): void {
    for (const table of this.#tables.values()) table.reinitialise(epoch);
  }

  /** Drops the rows of ids not seen for as long as their feature declares. */
  expire(nowMs: number): void {
    for (const table of this.#tables.values()) table.expire(nowMs);
  }

  async state(): Promise<ModelState> {
    return {
      dense: this.#served?.learned ?? (await this.#options.engine.state()),
      average: this.#average?.state() ?? new Map(),
      tables: new Map([...this.#tables].map(([name, table]) => [name, table.serialise()])),
      steps: this.#average?.steps ?? 0,
    };
  }

  async restore({ dense, average, tables, steps }: ModelState): Promise<void> {
    await this.#options.engine.load(dense);
    this.#served = undefined;
    this.#average?.restore(average, steps);
    this.#tables = new Map([...tables].map(([name, bytes]) => [name, parseTable(bytes, name)]));
    this.#encoder = this.#encoderOf(this.#tables);
  }

  async #servingEncoder(): Promise<Encoder> {
    const average = this.#average?.state();
    if (average === undefined || average.size === 0) return this.#encoder;
    if (this.#served === undefined) {
      const learned = await this.#options.engine.state();
      await this.#options.engine.load(new Map([...learned, ...average]));
      this.#served = { learned, encoder: this.#encoderOf(this.servedTables()) };
    }
    return this.#served.encoder;
  }

  async #returnToLearning(learned: NamedArrays): Promise<void> {
    await this.#options.engine.load(learned);
    this.#served = undefined;
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
