/** How large each open dimension was in one recording. */
export type OpenSizes = Readonly<Record<string, number>>;

/** coefficient × the product of the open dimensions in `factors` (none: a constant). */
export interface Term {
  readonly coefficient: number;
  readonly factors: readonly string[];
}

/** An integer, or a polynomial in the open dimensions. */
export type Size = number | readonly Term[];

/** A number the graph computes from its open dimensions: scale × size, or scale ÷ size. */
export interface SizedNumber {
  readonly size: Size;
  readonly scale: number;
  readonly inverse: boolean;
}

/** Primes from 23 on: small sizes would meet the model's own widths more often. */
function primes(count: number): number[] {
  const found: number[] = [];
  for (let candidate = 3; found.length < count + 7; candidate += 2) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  }
  return found.slice(7);
}

/**
 * The sizes to record at: distinct primes, so that no two open dimensions ever look alike, and enough recordings that
 * every formula found is checked by at least one recording it was not fitted to.
 */
export function recordingSizes(names: readonly string[]): OpenSizes[] {
  const count = names.length;
  const sizes = primes(count * (count + 2));
  return Array.from({ length: count + 2 }, (_, run) =>
    Object.fromEntries(names.map((name, index) => [name, sizes[run * count + ((index + run) % count)] ?? 2])),
  );
}

function valueOf(factors: readonly string[], sizes: OpenSizes): number {
  return factors.reduce((product, name) => product * (sizes[name] ?? Number.NaN), 1);
}

/** What the size is when the open dimensions are these. */
export function evaluate(size: Size, sizes: OpenSizes): number {
  if (typeof size === 'number') return size;
  return size.reduce((sum, term) => sum + term.coefficient * valueOf(term.factors, sizes), 0);
}

/** Stable text of a size, e.g. `8*rows + 1`; equal sizes have equal text. */
export function sizeText(size: Size): string {
  if (typeof size === 'number') return String(size);
  return size
    .map(({ coefficient, factors }) =>
      factors.length === 0 ? String(coefficient) : [...(coefficient === 1 ? [] : [coefficient]), ...factors].join('*'),
    )
    .join(' + ');
}

export function sameSize(a: Size, b: Size): boolean {
  return a === b || sizeText(a) === sizeText(b);
}

export function sameShape(a: readonly Size[], b: readonly Size[]): boolean {
  return a.length === b.length && a.every((size, axis) => sameSize(size, b[axis] ?? Number.NaN));
}

export function isFixed(shape: readonly Size[]): shape is readonly number[] {
  return shape.every((size) => typeof size === 'number');
}

const termsOf = (size: Size): readonly Term[] =>
  typeof size === 'number' ? [{ coefficient: size, factors: [] }] : size;

/** Adds up terms of the same dimensions; higher products first, so that equal polynomials are written alike. */
function collect(all: readonly Term[]): Size {
  const terms = new Map<string, Term>();
  for (const { coefficient, factors } of all) {
    const key = factors.join('*');
    terms.set(key, { factors, coefficient: coefficient + (terms.get(key)?.coefficient ?? 0) });
  }
  const left = [...terms.values()].filter(({ coefficient }) => coefficient !== 0);
  left.sort((x, y) => y.factors.length - x.factors.length || x.factors.join('*').localeCompare(y.factors.join('*')));
  return left.every(({ factors }) => factors.length === 0) ? (left[0]?.coefficient ?? 0) : left;
}

export function addSizes(a: Size, b: Size): Size {
  return collect([...termsOf(a), ...termsOf(b)]);
}

function multiplySizes(a: Size, b: Size): Size {
  return collect(
    termsOf(a).flatMap((x) =>
      termsOf(b).map((y) => ({
        coefficient: x.coefficient * y.coefficient,
        factors: [...x.factors, ...y.factors].sort(),
      })),
    ),
  );
}

/** How many elements a tensor of this shape has. */
export function elementCount(shape: readonly Size[]): Size {
  return shape.reduce<Size>(multiplySizes, 1);
}

/** Products of one or two open dimensions, simplest first. */
function monomials(names: readonly string[]): string[][] {
  const sorted = [...names].sort();
  return [
    ...sorted.map((name) => [name]),
    ...sorted.flatMap((first, index) => sorted.slice(index).map((second) => [first, second])),
  ];
}

/** Solves the square system by Gaussian elimination; undefined when it has no single solution. */
function solve(matrix: readonly (readonly number[])[], values: readonly number[]): number[] | undefined {
  const rows = matrix.map((row, index) => [...row, values[index] ?? 0]);
  const count = rows.length;
  for (let column = 0; column < count; column++) {
    const pivot = rows.findIndex((row, index) => index >= column && Math.abs(row[column] ?? 0) > 1e-9);
    const [top, current] = [rows[pivot], rows[column]];
    if (top === undefined || current === undefined) return undefined;
    rows[pivot] = current;
    rows[column] = top;
    for (const row of rows) {
      if (row === top) continue;
      const factor = (row[column] ?? 0) / (top[column] ?? 1);
      row.forEach((value, index) => (row[index] = value - factor * (top[index] ?? 0)));
    }
  }
  return rows.map((row, index) => (row[count] ?? 0) / (row[index] ?? 1));
}

/** The simplest integer polynomial of the open dimensions that takes the given value in every recording. */
export function fitSize(values: readonly number[], runs: readonly OpenSizes[]): Size | undefined {
  const first = values[0] ?? 0;
  if (values.every((value) => value === first)) return first;
  if (!values.every(Number.isInteger)) return undefined;
  const products = monomials(Object.keys(runs[0] ?? {}));
  const pairs = products.flatMap((one, index) => products.slice(index + 1).map((two) => [one, two]));
  const candidates = [
    ...products.map((one) => [one]),
    ...products.map((one) => [one, []]),
    ...pairs,
    ...pairs.map((pair) => [...pair, []]),
  ].filter((basis) => basis.length < runs.length);
  for (const basis of candidates) {
    const matrix = runs.slice(0, basis.length).map((sizes) => basis.map((factors) => valueOf(factors, sizes)));
    const solution = solve(matrix, values.slice(0, basis.length))?.map(Math.round);
    if (solution === undefined) continue;
    const size = basis
      .map((factors, index) => ({ factors, coefficient: solution[index] ?? 0 }))
      .reduce<Size>((sum, term) => addSizes(sum, [term]), 0);
    if (runs.every((sizes, run) => evaluate(size, sizes) === values[run])) return size;
  }
  return undefined;
}

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.abs(b);

/** Like fitSize for real numbers: also multiples and reciprocals of sizes, such as the 1/N of a mean. */
export function fitNumber(values: readonly number[], runs: readonly OpenSizes[]): SizedNumber | undefined {
  const size = fitSize(values, runs);
  if (size !== undefined) return { size, scale: 1, inverse: false };
  for (const factors of monomials(Object.keys(runs[0] ?? {}))) {
    const products = runs.map((sizes) => valueOf(factors, sizes));
    const ratio = (values[0] ?? 0) / (products[0] ?? 1);
    const inverse = (values[0] ?? 0) * (products[0] ?? 1);
    const term = [{ coefficient: 1, factors }];
    if (values.every((value, run) => close(value, ratio * (products[run] ?? 0))))
      return { size: term, scale: ratio, inverse: false };
    if (values.every((value, run) => close(value, inverse / (products[run] ?? 1))))
      return { size: term, scale: inverse, inverse: true };
  }
  return undefined;
}
