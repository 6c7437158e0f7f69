/** A large piece of memory, seen as whatever lies in it. */
export interface Piece {
  readonly floats: Float32Array;
  readonly integers: Int32Array;
  readonly shorts: Uint16Array;
  readonly bytes: Uint8Array;
}

/**
 * Memory for many small arrays that live about as long as each other, in large pieces. A typed array of its own costs the
 * garbage collector more than its contents cost everybody else: joining spent most of its time there. So who keeps many
 * remembers piece and place, and makes a view of them when it is asked for.
 */
export class Slab {
  readonly #pieceBytes: number;
  #piece = pieceOf(0);
  #used = 0;

  constructor(pieceBytes = 256 * 1024) {
    this.#pieceBytes = pieceBytes;
  }

  /** The piece that the last `take` took from. */
  get piece(): Piece {
    return this.#piece;
  }

  /** Zeros; answers where they begin in `piece`, in bytes: a multiple of 8. */
  take(bytes: number): number {
    if (this.#used + bytes > this.#piece.bytes.length) {
      this.#piece = pieceOf(Math.max(this.#pieceBytes, aligned(bytes)));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + aligned(bytes);
    return start;
  }

  /** Zeros, as a view. */
  floats(length: number): Float32Array {
    const at = this.take(4 * length);
    return new Float32Array(this.#piece.floats.buffer, at, length);
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

function pieceOf(length: number): Piece {
  const buffer = new ArrayBuffer(length);
  return {
    floats: new Float32Array(buffer),
    integers: new Int32Array(buffer),
    shorts: new Uint16Array(buffer),
    bytes: new Uint8Array(buffer),
  };
}
