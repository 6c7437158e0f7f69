/**
 * Memory for many small arrays that live about as long as each other, in large pieces. A typed array of its own costs the
 * garbage collector more than its contents cost everybody else: joining spent most of its time there.
 */
export class Slab {
  readonly #pieceBytes: number;
  #piece = new ArrayBuffer(0);
  #used = 0;

  constructor(pieceBytes = 256 * 1024) {
    this.#pieceBytes = pieceBytes;
  }

  /** Zeros. */
  floats(length: number): Float32Array {
    const at = this.#take(4 * length);
    return new Float32Array(this.#piece, at, length);
  }

  /** Zeros. */
  integers(length: number): Int32Array {
    const at = this.#take(4 * length);
    return new Int32Array(this.#piece, at, length);
  }

  /** A copy, on a multiple of 8. */
  copy(bytes: Uint8Array): Uint8Array {
    const at = this.#take(bytes.length);
    const copy = new Uint8Array(this.#piece, at, bytes.length);
    copy.set(bytes);
    return copy;
  }

  #take(bytes: number): number {
    const start = this.#used;
    if (start + bytes <= this.#piece.byteLength) {
      this.#used = start + Math.ceil(bytes / 8) * 8;
      return start;
    }
    this.#piece = new ArrayBuffer(Math.max(this.#pieceBytes, bytes));
    this.#used = Math.ceil(bytes / 8) * 8;
    return 0;
  }
}
