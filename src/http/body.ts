import { isAscii, isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { WatchnextError } from '../errors.js';
import { checkJsonShape } from '../security/index.js';
import { linesType } from './route.js';

export interface BodyOptions {
  /** After decompression. */
  readonly limitBytes: number;
  /** Whether one JSON value per line is taken too: then the body is the text. */
  readonly lines: boolean;
  /** Awaited when all of it has come, and before anything is made of it. */
  readonly whole?: (bytes: number) => Promise<void>;
}

const jsonType = 'application/json';

/**
 * The body of a request: a value of JSON, or the text of a body of lines. What it may not be is refused as early as can be
 * told: its type and encoding, its announced length, its length as it comes, its shape, its syntax. Throws
 * `media_type_unsupported`, `request_too_large` or `request_invalid`.
 */
export const readBody = async (
  request: IncomingMessage,
  { limitBytes, lines, whole }: BodyOptions,
): Promise<unknown> => {
  const {
    'content-type': type,
    'content-encoding': encoding = 'identity',
    'content-length': announced,
  } = request.headers;
  const isLines = requireType(type, lines);
  const decoder = decoderOf(encoding);
  if (Number(announced ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const bytes = await collect(request, decoder, limitBytes);
  if (bytes.length === 0) throw missing();
  await whole?.(bytes.length);
  checkJsonShape(bytes, { lines: isLines });
  const text = textOf(bytes);
  return isLines ? text : parse(text);
};

/** Whether it is a body of lines. */
const requireType = (header: string | undefined, lines: boolean): boolean => {
  if (header === undefined) throw missing();
  const [type = '', ...parameters] = header.slice(0, 200).split(';');
  const name = type.trim().toLowerCase();
  if (name !== jsonType && !(lines && name === linesType))
    throw unsupported('Content-Type', header, lines ? `${jsonType} or ${linesType}` : jsonType);
  const charset = parameters.map((each) => each.trim().toLowerCase()).find((each) => each.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))
    throw unsupported('Content-Type', charset, 'UTF-8');
  return name === linesType;
};

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
};

const decoderOf = (encoding: string): Transform | undefined => {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity' || name === '') return undefined;
  const create = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
  if (create === undefined) throw unsupported('Content-Encoding', encoding, 'gzip, deflate, br, or none');
  return create();
};

/** Resolves with what came, decompressed. Never holds more than the limit and one chunk. */
const collect = (request: IncomingMessage, decoder: Transform | undefined, limitBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const source: Readable = decoder ?? request;
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (error: WatchnextError): void => {
      source.off('data', take);
      if (decoder !== undefined) request.unpipe(decoder).resume();
      decoder?.destroy();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limitBytes) stop(tooLarge(limitBytes));
      else chunks.push(chunk);
    };
    source.on('data', take);
    source.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)));
    request.once('error', () => stop(broken('ended before it was complete')));
    request.once('close', () => {
      if (!request.complete) stop(broken('ended before it was complete'));
    });
    if (decoder !== undefined) {
      decoder.on('error', () => stop(broken('cannot be decompressed')));
      request.pipe(decoder);
    }
  });

/** Bytes of ASCII are copied as they are, which is several times faster. */
const textOf = (bytes: Buffer): string => {
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (!isUtf8(bytes)) throw broken('is not UTF-8');
  const text = bytes.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = (cause as Error).message;
    throw new WatchnextError('request_invalid', 'The body is not valid JSON.', {
      problems: [{ path: '/', message, hint: hintOf(message) }],
      cause,
    });
  }
};

/** One object per line is a mistake in the content type, not in the body. */
const hintOf = (message: string): string =>
  message.includes('after JSON')
    ? `send one JSON object or array; events of feedback, one per line, go as Content-Type: ${linesType}`
    : 'send one JSON object or array';

const missing = (): WatchnextError =>
  new WatchnextError('request_invalid', 'The body is missing.', {
    problems: [{ path: '/', message: 'is empty', hint: `send JSON with Content-Type: ${jsonType}` }],
  });

const broken = (message: string): WatchnextError =>
  new WatchnextError('request_invalid', 'The body cannot be read.', { problems: [{ path: '/', message }] });

const tooLarge = (limitBytes: number): WatchnextError =>
  new WatchnextError('request_too_large', `The body is larger than ${limitBytes} bytes.`, {
    problems: [{ path: '/', message: `at most ${limitBytes} bytes are allowed`, hint: 'send fewer or smaller fields' }],
  });

const unsupported = (path: string, sent: string, hint: string): WatchnextError =>
  new WatchnextError('media_type_unsupported', `This ${path} is not supported.`, {
    problems: [{ path, message: `${sent.slice(0, 100)} is not supported`, hint: `send ${hint}` }],
  });
