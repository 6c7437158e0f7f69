import { WatchnextError } from '../../../src/errors.js';
import type { NodeWriter } from '../nodes.js';
import type { Size, SizedNumber } from '../sizes.js';
import type { ElementType } from '../types.js';

/** A tensor's shape and type while recording, when every size is a number. */
export interface Typed {
  readonly shape: readonly number[];
  readonly dtype: ElementType;
}

/** A value of the graph: its name, and its shape as a function of the open dimensions. */
export interface Operand {
  readonly name: string;
  readonly shape: readonly Size[];
  readonly dtype: ElementType;
}

export interface RecordedInputs {
  readonly inputs: Readonly<Record<string, Typed>>;
  readonly attributes: Attributes;
}

export interface Emission {
  readonly inputs: Readonly<Record<string, Operand>>;
  readonly attributes: Attributes;
  /** What the kernel's first result must look like. */
  readonly result: Omit<Operand, 'name'>;
  readonly results: readonly Omit<Operand, 'name'>[];
  readonly write: NodeWriter;
}

/** How one tfjs kernel becomes ONNX nodes. */
export interface Kernel {
  /** The shapes and types that tfjs's own kernel would answer. */
  infer(call: RecordedInputs): Typed | readonly Typed[];
  /** Writes the nodes and answers the names of the results. */
  emit(call: Emission): string | readonly string[];
  /** The kernel answers a list even when it has one element. */
  readonly many?: boolean;
}

export type KernelTable = Readonly<Record<string, Kernel>>;

/** Thrown by a kernel for a variant of its operation that has no ONNX form; names the variant and a way out. */
export class UncoveredVariant extends Error {}

/** A number among the attributes that depends on the open dimensions. */
export class Varying {
  readonly number: SizedNumber;

  constructor(number: SizedNumber) {
    this.number = number;
  }
}

/** A kernel's attributes, read by type. */
export class Attributes {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #kernel: string;
  readonly #at: string;

  constructor(values: Readonly<Record<string, unknown>>, kernel: string, at = '') {
    this.#values = values;
    this.#kernel = kernel;
    this.#at = at;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  number(name: string): number {
    const value = this.#values[name];
    return typeof value === 'number' ? value : this.#refuse(name, 'a number that does not depend on open dimensions');
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string {
    const value = this.#values[name];
    return typeof value === 'string' ? value : this.#refuse(name, 'a text');
  }

  /** A list of fixed numbers; a single number is a list of one. */
  numbers(name: string): number[] {
    return this.#list(name).map((item) =>
      typeof item === 'number' ? item : this.#refuse(name, 'numbers that do not depend on open dimensions'),
    );
  }

  /** A list of integers that may depend on open dimensions. */
  sizes(name: string): Size[] {
    return this.#list(name).map((item) => {
      if (typeof item === 'number') return item;
      if (item instanceof Varying && item.number.scale === 1 && !item.number.inverse) return item.number.size;
      return this.#refuse(name, 'whole numbers');
    });
  }

  /** A number that may depend on open dimensions. */
  sized(name: string): SizedNumber {
    const value = this.#values[name];
    return value instanceof Varying ? value.number : { size: 1, scale: this.number(name), inverse: false };
  }

  isList(name: string): boolean {
    return Array.isArray(this.#values[name]);
  }

  #list(name: string): unknown[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.flat() : [value];
  }

  #refuse(name: string, wanted: string): never {
    const message = `The attribute ${name} of the tfjs kernel ${this.#kernel} must be ${wanted}`;
    throw new WatchnextError('trace_invalid', this.#at === '' ? message : `${message} (${this.#at})`, {
      problems: [{ path: this.#at, message }],
    });
  }
}

/** The input of that name; tfjs always passes the ones a kernel requires. */
export function input<T>(inputs: Readonly<Record<string, T>>, name: string): T {
  const value = inputs[name];
  if (value === undefined) throw new Error(`A tfjs kernel was called without its input ${name}.`);
  return value;
}
