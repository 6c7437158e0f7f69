const slots = 64;
const longest = 64;

/**
 * Names that come again from record to record (a ranker, a version, a kind of feedback): one text in memory for all of them,
 * found by comparing bytes, which is quicker than making it anew.
 */
export class Names {
  readonly #known = new Array<string>(slots).fill('');

  /** The ASCII text at [start, end). */
  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0 || length > longest) return bytes.toString('latin1', start, end);
    const slot = (length + 7 * (bytes[start] ?? 0) + 31 * (bytes[end - 1] ?? 0)) % slots;
    const known = this.#known[slot] ?? '';
    if (isText(known, bytes, start, length)) return known;
    return (this.#known[slot] = bytes.toString('latin1', start, end));
  }
}

function isText(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
