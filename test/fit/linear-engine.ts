import type { Engine, EngineOptions, NamedArrays, StepBatch, StepResult } from '../../training/fit/index.js';

/**
 * An engine in a few lines of plain JavaScript: a linear model per task trained by gradient descent with momentum. It
 * takes what it is given as the real ones do, and its steps depend on the seed of the step.
 */
export class LinearEngine implements Engine {
  readonly kind = 'onnx';
  readonly steps: { rows: number; learningRate: number; seed: number }[] = [];
  closed = false;
  /** Runs before each step; what it throws or awaits, the step does. */
  beforeStep: (step: number) => Promise<void> | void = () => undefined;
  readonly #kinds: readonly ('binary' | 'regression')[];
  readonly #widths: readonly [number, number];
  #weights: Float32Array; // [1 + requestWidth + candidateWidth, tasks]
  #momentum: Float32Array;

  constructor({ definition, layout, seed }: EngineOptions) {
    this.#kinds = Object.values(definition.tasks).map((task) => task.kind);
    this.#widths = [layout.requestWidth, layout.candidateWidth];
    const size = (1 + layout.requestWidth + layout.candidateWidth) * this.#kinds.length;
    this.#weights = Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i) * 0.1);
    this.#momentum = new Float32Array(size);
  }

  async step(batch: StepBatch): Promise<StepResult> {
    this.steps.push({ rows: batch.rows, learningRate: batch.learningRate, seed: batch.seed });
    const taken = structuredClone(batch);
    for (const key of ['request', 'candidate', 'requestOf', 'labels', 'weights', 'bias'] as const) take(batch[key]);
    await this.beforeStep(this.steps.length);
    return this.#learn(taken);
  }

  async predict(inputs: Parameters<Engine['predict']>[0]): Promise<Float32Array> {
    const logits = this.#logits(inputs);
    for (const key of ['request', 'candidate', 'requestOf'] as const) take(inputs[key]);
    return Promise.resolve(logits);
  }

  async state(): Promise<NamedArrays> {
    return Promise.resolve(
      new Map([
        ['parameters/weights', this.#weights.slice()],
        ['optimizer/momentum', this.#momentum.slice()],
      ]),
    );
  }

  async load(state: NamedArrays): Promise<void> {
    this.#weights = state.get('parameters/weights')!.slice();
    this.#momentum = state.get('optimizer/momentum')!.slice();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** Calls visit(input index, value) for the inputs of a row; index 0 is the constant. */
  #row(inputs: Parameters<Engine['predict']>[0], row: number, visit: (input: number, value: number) => void): void {
    const [requestWidth, candidateWidth] = this.#widths;
    visit(0, 1);
    const request = inputs.requestOf[row]! * requestWidth;
    for (let i = 0; i < requestWidth; i++) visit(1 + i, inputs.request[request + i]!);
    for (let i = 0; i < candidateWidth; i++) visit(1 + requestWidth + i, inputs.candidate[row * candidateWidth + i]!);
  }

  #logits(inputs: Parameters<Engine['predict']>[0]): Float32Array {
    const tasks = this.#kinds.length;
    const logits = new Float32Array(inputs.rows * tasks);
    for (let row = 0; row < inputs.rows; row++) {
      this.#row(inputs, row, (input, value) => {
        for (let task = 0; task < tasks; task++)
          logits[row * tasks + task]! += value * this.#weights[input * tasks + task]!;
      });
    }
    return logits;
  }

  #learn(batch: StepBatch): StepResult {
    const tasks = this.#kinds.length;
    const [requestWidth, candidateWidth] = this.#widths;
    const logits = this.#logits(batch);
    const losses = new Float32Array(tasks);
    const slopes = new Float32Array(logits.length);
    logits.forEach((logit, at) => {
      const [label, weight] = [batch.labels[at]!, batch.weights[at]!];
      const binary = this.#kinds[at % tasks] === 'binary';
      const loss = binary ? Math.log1p(Math.exp(logit)) - label * logit : (logit - label) ** 2;
      losses[at % tasks]! += weight * loss;
      slopes[at] = weight * (binary ? 1 / (1 + Math.exp(-logit)) - label : 2 * (logit - label));
    });
    // Such a step changes nothing.
    const finite = losses.every(Number.isFinite);
    const requestGradient = new Float32Array(batch.request.length);
    const candidateGradient = new Float32Array(batch.candidate.length);
    const gradient = new Float32Array(this.#weights.length).fill((batch.seed % 101) * 1e-6);
    for (let row = 0; row < batch.rows; row++) {
      this.#row(batch, row, (input, value) => {
        let back = 0;
        for (let task = 0; task < tasks; task++) {
          gradient[input * tasks + task]! += value * slopes[row * tasks + task]!;
          back += this.#weights[input * tasks + task]! * slopes[row * tasks + task]!;
        }
        if (input > requestWidth) candidateGradient[row * candidateWidth + input - 1 - requestWidth] = back;
        else if (input > 0) requestGradient[batch.requestOf[row]! * requestWidth + input - 1]! += back;
      });
    }
    for (let i = 0; finite && i < gradient.length; i++) {
      this.#momentum[i] = 0.5 * this.#momentum[i]! + gradient[i]!;
      this.#weights[i]! -= batch.learningRate * this.#momentum[i]!;
    }
    return { losses, requestGradient, candidateGradient };
  }
}

/** As postMessage with a transfer list does: the array is empty afterwards. */
function take(values: Float32Array | Int32Array): void {
  if (values.byteLength === values.buffer.byteLength && values.byteLength > 0) {
    structuredClone(values.buffer, { transfer: [values.buffer as ArrayBuffer] });
  }
}
