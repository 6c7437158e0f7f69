import { WatchnextError } from '../errors.js';

/** What a body of JSON may be made of; far above what any route takes. */
export const jsonLimits = {
  /** Objects and lists within each other. */
  depth: 32,
  /** Names of one object. */
  names: 2048,
  /** Elements of one list. */
  elements: 100_000,
  /**
   * Smaller bodies are not looked at: they cost the parser 5 ms at the very worst, while a look costs a quarter of parsing, and
   * their schema refuses all of this as well.
   */
  fromBytes: 64 * 1024,
} as const;

const [quote, backslash, comma, newline] = [0x22, 0x5c, 0x2c, 0x0a];
const [openObject, closeObject, openList, closeList] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Refuses bodies whose shape alone makes parsing slow (4 MB of brackets take a second and hundreds of megabytes), in one
 * pass over the bytes and without memory. Whether it is JSON at all is for the parser to say. With `lines` each line is a
 * value of its own. Throws `request_invalid`.
 */
export const checkJsonShape = (body: Uint8Array, { lines = false }: { readonly lines?: boolean } = {}): void => {
  if (body.length < jsonLimits.fromBytes) return;
  // By depth: commas so far, and whether it is a list.
  const commas = new Uint32Array(jsonLimits.depth + 1);
  const isList = new Uint8Array(jsonLimits.depth + 1);
  let depth = 0;
  const end = body.length;
  for (let at = 0; at < end; at++) {
    const byte = body[at];
    if (byte === quote) {
      // A text ends at its line: what is broken in one line must not hide the next.
      for (at++; at < end && body[at] !== quote && body[at] !== newline; at++) if (body[at] === backslash) at++;
    } else if (byte === comma) {
      const count = (commas[depth] ?? 0) + 1;
      commas[depth] = count;
      if (depth > 0 && count >= (isList[depth] === 1 ? jsonLimits.elements : jsonLimits.names))
        throw refusal(
          isList[depth] === 1
            ? `a list of more than ${jsonLimits.elements} elements`
            : `an object of more than ${jsonLimits.names} names`,
        );
    } else if (byte === openObject || byte === openList) {
      if (++depth > jsonLimits.depth) throw refusal(`more than ${jsonLimits.depth} levels`);
      commas[depth] = 0;
      isList[depth] = byte === openList ? 1 : 0;
    } else if (byte === closeObject || byte === closeList) {
      if (depth > 0) depth--;
    } else if (byte === newline && lines) depth = 0;
  }
};

const refusal = (what: string): WatchnextError =>
  new WatchnextError('request_invalid', `The body has ${what}.`, {
    problems: [{ path: '/', message: `has ${what}`, hint: 'send what /openapi.json describes' }],
  });
