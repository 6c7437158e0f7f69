/** A typed array that grows: doubling copies each value about once. */
export interface Column<T extends Float64Array | Float32Array | Int32Array | Uint16Array> {
  readonly length: number;
  push(value: number): void;
  append(values: ArrayLike<number>): void;
  finish(): T;
}

export const column = <T extends Float64Array | Float32Array | Int32Array | Uint16Array>(
  make: new (length: number) => T,
): Column<T> => {
  let values = new make(1024);
  let length = 0;
  const reserve = (more: number): void => {
    if (length + more <= values.length) return;
    const grown = new make(Math.max(length + more, values.length * 2));
    grown.set(values);
    values = grown;
  };
  return {
    get length() {
      return length;
    },
    push(value) {
      reserve(1);
      values[length++] = value;
    },
    append(more) {
      reserve(more.length);
      values.set(more, length);
      length += more.length;
    },
    finish: () => values.slice(0, length) as T,
  };
};
