import type { Engine, NamedArrays } from './types.js';

/**
 * A moving average of the dense weights (Polyak and Juditsky, 1992): average <- d * average + (1 - d) * weights, with
 * d = min(decay, (1 + steps) / (10 + steps)) so that the start is forgotten early. Copying weights out of the engine is
 * not free, so it is done every few steps with the decay of as many: a 20th of the average's memory is left unseen.
 */
export class MovingAverage {
  readonly #decay: number;
  readonly #every: number;
  readonly #names: ReadonlySet<string>;
  #steps = 0;
  #average: Map<string, Float32Array> = new Map();

  /** @param names the weights among what the engine's state holds. */
  constructor(decay: number, names: Iterable<string>) {
    this.#decay = decay;
    this.#names = new Set(names);
    this.#every = Math.max(1, Math.floor(0.05 / (1 - decay)));
  }

  /** Call after every step. */
  async follow(engine: Pick<Engine, 'state'>): Promise<void> {
    this.#steps++;
    if (this.#steps % this.#every !== 0) return;
    const kept = Math.min(this.#decay, (1 + this.#steps) / (10 + this.#steps)) ** this.#every;
    for (const [name, weights] of await engine.state()) {
      if (!this.#names.has(name)) continue;
      const average = this.#average.get(name);
      if (average === undefined) this.#average.set(name, weights);
      else for (let i = 0; i < weights.length; i++) average[i] = blend(weights[i] as number, average[i] as number, kept);
    }
  }

  /** Copies; empty before the first weights were seen. */
  state(): NamedArrays {
    return new Map([...this.#average].map(([name, values]) => [name, values.slice()]));
  }

  /** How many were followed: with `state`, what restoring needs. */
  get steps(): number {
    return this.#steps;
  }

  restore(state: NamedArrays, steps: number): void {
    this.#steps = steps;
    this.#average = new Map([...state].map(([name, values]) => [name, values.slice()]));
  }
}

function blend(weight: number, average: number, kept: number): number {
  return weight + (average - weight) * kept;
}
