import { Varying } from './kernels/kernel.js';
import type { Operand } from './kernels/kernel.js';
import { callerOf } from './location.js';
import type { RecordedCall, RecordedValue, Recording } from './recorder.js';
import { traceInvalid } from './refusals.js';
import { fitNumber, fitSize } from './sizes.js';
import type { OpenSizes, Size, SizedNumber } from './sizes.js';

/** What all recordings have in common, with sizes as functions of the open dimensions. */
export interface Program {
  readonly values: readonly ProgramValue[];
  readonly calls: readonly RecordedCall[];
  readonly outputs: Readonly<Record<string, number>>;
}

export interface ProgramValue extends Omit<Operand, 'name'> {
  readonly origin: RecordedValue['origin'];
  readonly name?: string;
  /** Of weights and constants: the elements, or one number that fills the whole shape, or one number per element. */
  readonly values?: ArrayLike<number>;
  readonly fill?: SizedNumber;
  readonly elements?: readonly SizedNumber[];
  readonly at: string;
}

/** Small constants may hold sizes (a shape, a count); larger ones that differ are data. */
const maxSizedElements = 64;

/** Compares the recordings call by call; refuses functions that do something else at other sizes. */
export function mergeRecordings(recordings: readonly Recording[]): Program {
  const [first] = recordings;
  if (first === undefined) throw new Error('Nothing was recorded.');
  for (const other of recordings) checkAlike(first, other);
  const runs = recordings.map(({ sizes }) => sizes);
  return {
    values: first.values.map((value, index) =>
      mergeValue(
        value,
        recordings.flatMap((run) => run.values[index] ?? []),
        runs,
      ),
    ),
    calls: first.calls.map((call, index) => ({
      ...call,
      attributes: mergeAttribute(
        recordings.map((run) => run.calls[index]?.attributes),
        runs,
        call,
      ) as RecordedCall['attributes'],
    })),
    outputs: first.outputs,
  };
}

function checkAlike(first: Recording, other: Recording): void {
  const step = ({ kernel, inputs, outputs }: RecordedCall): string => JSON.stringify([kernel, inputs, outputs]);
  const differs = first.calls.findIndex((call, index) => {
    const twin = other.calls[index];
    return twin === undefined || step(call) !== step(twin);
  });
  const same = differs < 0 && first.calls.length === other.calls.length;
  if (
    same &&
    first.values.length === other.values.length &&
    JSON.stringify(first.outputs) === JSON.stringify(other.outputs)
  )
    return;
  const call = first.calls[differs] ?? other.calls[first.calls.length];
  throw traceInvalid(
    `The traced function takes different steps at other sizes of its open dimensions${call === undefined ? '' : `, first at ${call.scope || call.kernel}`}.`,
    'It must do the same for every size: no branches or loops over open dimensions or random numbers.',
    call === undefined ? undefined : callerOf(call.at),
  );
}

function mergeShape(shapes: readonly (readonly number[])[], runs: readonly OpenSizes[], at: string): Size[] {
  return (shapes[0] ?? []).map((_, axis) => {
    const size = fitSize(
      shapes.map((shape) => shape[axis] ?? Number.NaN),
      runs,
    );
    if (size !== undefined) return size;
    throw traceInvalid(
      `A tensor’s dimension ${axis} is no polynomial of the open dimensions: ${shapes.map((shape) => shape[axis]).join(', ')}.`,
      'Shapes may be sums and products of open dimensions and numbers.',
      at,
    );
  });
}

function mergeValue(first: RecordedValue, alike: readonly RecordedValue[], runs: readonly OpenSizes[]): ProgramValue {
  const at = callerOf(first.at);
  if (alike.some(({ shape, dtype }) => dtype !== first.dtype || shape.length !== first.shape.length)) {
    throw traceInvalid('A tensor’s type or rank depends on the open dimensions.', undefined, at);
  }
  const shape = mergeShape(
    alike.map((value) => value.shape),
    runs,
    at,
  );
  const base = { origin: first.origin, dtype: first.dtype, shape, at };
  if (first.origin === 'input') return { ...base, name: first.name ?? '' };
  if (first.origin === 'weight') return { ...base, name: first.name ?? '', values: first.values ?? [] };
  if (first.origin === 'call') return base;
  return {
    ...base,
    ...mergeConstant(
      alike.map(({ values }) => values ?? []),
      runs,
      at,
    ),
  };
}

function mergeConstant(
  versions: readonly ArrayLike<number>[],
  runs: readonly OpenSizes[],
  at: string,
): Pick<ProgramValue, 'values' | 'fill' | 'elements'> {
  const [first = []] = versions;
  if (first.length > 0 && versions.every((values) => isUniform(values))) {
    const fill = fitNumber(
      versions.map((values) => values[0] ?? 0),
      runs,
    );
    if (fill !== undefined) return { fill };
  }
  const equal = (a: number | undefined, b: number | undefined): boolean => Object.is(a, b);
  if (versions.every((values) => values.length === first.length)) {
    if (
      versions.every((values) =>
        Array.prototype.every.call(values, (value: number, index) => equal(value, first[index])),
      )
    )
      return { values: first };
    if (first.length <= maxSizedElements) {
      const elements = Array.from(first, (_, index) =>
        fitNumber(
          versions.map((values) => values[index] ?? 0),
          runs,
        ),
      );
      if (elements.every((element) => element !== undefined)) return { elements };
    }
  }
  throw traceInvalid(
    'A constant made inside the traced function has other values in every run: constants that depend on data or on sizes, and random numbers, cannot be compiled.',
    'Pass what changes as an input (random numbers as seeded inputs), and what depends on sizes through tf.range, tf.fill or tf.oneHot.',
    at,
  );
}

function isUniform(values: ArrayLike<number>): boolean {
  return Array.prototype.every.call(values, (value: unknown) => Object.is(value, values[0]));
}

/** The attribute as it is in all recordings; numbers that differ become functions of the open dimensions. */
function mergeAttribute(versions: readonly unknown[], runs: readonly OpenSizes[], call: RecordedCall): unknown {
  const [first] = versions;
  if (Array.isArray(first)) {
    const lists = versions as readonly (readonly unknown[])[];
    return first.map((_, index) =>
      mergeAttribute(
        lists.map((list) => list[index]),
        runs,
        call,
      ),
    );
  }
  if (typeof first === 'object' && first !== null && !ArrayBuffer.isView(first)) {
    const maps = versions as readonly Readonly<Record<string, unknown>>[];
    return Object.fromEntries(
      Object.keys(first).map((key) => [
        key,
        mergeAttribute(
          maps.map((map) => map[key]),
          runs,
          call,
        ),
      ]),
    );
  }
  if (versions.every((version) => Object.is(version, first))) return first;
  const number = versions.every((version) => typeof version === 'number') ? fitNumber(versions, runs) : undefined;
  if (number !== undefined) return new Varying(number);
  throw traceInvalid(
    `An attribute of ${call.scope || call.kernel} is random or depends on the open dimensions in no simple way: ${versions.map(String).join(', ')}.`,
    'Attributes may depend on nothing but sums and products of open dimensions; random numbers enter as inputs.',
    callerOf(call.at),
  );
}
