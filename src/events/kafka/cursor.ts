/** Reads Kafka's numbers, which are big-endian, one behind the other. Throws where the bytes end before. */
export class Cursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  i16(): number {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  i32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  /** Exact up to 2^53. */
  i64(): number {
    this.at += 8;
    return Number(this.bytes.readBigInt64BE(this.at - 8));
  }

  /** A number of as many bytes as it needs, with its sign in the lowest bit; exact up to 2^53. */
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('a number has no end');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  /** Over so many bytes; a negative length says that there is nothing. Answers where they begin. */
  pass(length: number): number {
    const start = this.at;
    if (length > 0) this.at += length;
    return start;
  }
}
