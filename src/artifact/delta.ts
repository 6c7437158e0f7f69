import { createHash } from 'node:crypto';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { TableChanges } from '../embeddings/index.js';
import { decodeGolden, encodeGolden, type Golden } from './golden.js';
import { damagedFile, otherFormat } from './manifest.js';

/**
 * What learning changed since the delta before, or since the sealed version: applied to all that came before, it gives the
 * model as its trainer had it. Deltas of one version form a chain, each naming the hash of the one before.
 */
export interface ModelDelta {
  readonly ranker: string;
  /** The sealed version that the chain begins at. */
  readonly base: string;
  /** Place in the chain, from 1 without gaps. */
  readonly sequence: number;
  /** Hash of the delta before; of the base's content for the first. */
  readonly previous: string;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  /** The whole serving graph, where dense weights moved. */
  readonly graph?: Uint8Array;
  /** By table name; tables in which nothing changed may be left out. */
  readonly tables: ReadonlyMap<string, TableChanges>;
  /** Golden rows with the trainer's own heads at this point. */
  readonly golden: Golden;
  readonly learned: Learned;
}

/** What was learned since the delta before. */
export interface Learned {
  /** Event time, in milliseconds, up to which everything is learned. */
  readonly until: number;
  readonly rows: number;
  /** Event times of feedback in it: a sample of at most {@link mostFeedbackTimes}. */
  readonly feedbackTimes: Float64Array;
}

export const mostFeedbackTimes = 256;

/**
 * A delta's file, little-endian:
 *
 *   0   8 bytes   "wndelta" and a zero byte
 *   8   uint32    format version, 1
 *   12  uint32    bytes of the header
 *   16  header    JSON: names, place in the chain, and how long what follows is
 *       tables    in the header's order: keys uint32 [2n], values float32 [n, dim], removed uint32 [2m]
 *       times     float64
 *       golden    as golden.bin
 *       graph     ONNX; may be empty
 *       32 bytes  SHA-256 of everything before: the delta's hash
 */
const magic = Buffer.from('wndelta\0', 'latin1');
const version = 1;
const prefixBytes = 16;
export const hashBytes = 32;

const Count = Type.Integer({ minimum: 0, maximum: 2 ** 40 });
const Header = Type.Object({
  ranker: Type.String(),
  base: Type.String(),
  sequence: Count,
  previous: Type.String(),
  createdMs: Type.Number(),
  tables: Type.Array(
    Type.Object({ name: Type.String(), dim: Type.Integer({ minimum: 1 }), changed: Count, removed: Count }),
  ),
  learned: Type.Object({ until: Type.Number(), rows: Count, feedbackTimes: Count }),
  golden: Count,
  graph: Type.Union([Count, Type.Null()]),
});
type Header = Static<typeof Header>;

/** The bytes of a delta, the same for the same delta. */
export function encodeDelta(delta: ModelDelta): Uint8Array {
  const { ranker, base, sequence, previous, createdMs, graph, tables, learned } = delta;
  const golden = encodeGolden(delta.golden);
  const header: Header = {
    ranker,
    base,
    sequence,
    previous,
    createdMs,
    tables: [...tables].map(([name, { keys, values, removed }]) => {
      const changed = keys.length / 2;
      return { name, dim: changed === 0 ? 1 : values.length / changed, changed, removed: removed.length / 2 };
    }),
    learned: { until: learned.until, rows: learned.rows, feedbackTimes: learned.feedbackTimes.length },
    golden: golden.length,
    graph: graph?.length ?? null,
  };
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(prefixBytes);
  magic.copy(prefix);
  prefix.writeUInt32LE(version, 8);
  prefix.writeUInt32LE(text.length, 12);
  const arrays = [...tables.values()].flatMap(({ keys, values, removed }) => [keys, values, removed]);
  const body = Buffer.concat([
    prefix,
    text,
    ...[...arrays, learned.feedbackTimes].map(bytesOf),
    golden,
    ...(graph === undefined ? [] : [graph]),
  ]);
  return Buffer.concat([body, sha256(body)]);
}

export interface HashedDelta {
  readonly delta: ModelDelta;
  readonly hash: string;
}

/** Reads what `encodeDelta` wrote; anything else is `artifact_damaged`, by the file's name. The graph is a view of the bytes. */
export function decodeDelta(bytes: Uint8Array, name: string): HashedDelta {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = file.length - hashBytes;
  if (end < prefixBytes || !file.subarray(0, 8).equals(magic)) throw damagedFile(name, 'it is not a delta');
  const found = file.readUInt32LE(8);
  if (found !== version) throw otherFormat(name, found, version);
  const hash = file.subarray(end);
  if (!sha256(file.subarray(0, end)).equals(hash)) throw damagedFile(name, 'its checksum does not match its contents');
  const headerEnd = prefixBytes + file.readUInt32LE(12);
  const header = headerEnd <= end ? parseHeader(file.toString('utf8', prefixBytes, headerEnd)) : undefined;
  if (header === undefined) throw damagedFile(name, 'its header cannot be read');
  if (headerEnd + bodyBytes(header) !== end) throw damagedFile(name, 'it does not hold what its header says');

  let at = headerEnd;
  /** A copy: arrays want aligned bytes. */
  const next = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(file.subarray(at, (at += length)));
  const words = (count: number): Uint32Array => new Uint32Array(next(4 * count).buffer);
  const { tables, learned, golden, graph, ...names } = header;
  const changes = tables.map(({ name: table, dim, changed, removed }): [string, TableChanges] => [
    table,
    {
      keys: words(2 * changed),
      values: new Float32Array(next(4 * dim * changed).buffer),
      removed: words(2 * removed),
    },
  ]);
  const delta = {
    ...names,
    tables: new Map(changes),
    learned: { ...learned, feedbackTimes: new Float64Array(next(8 * learned.feedbackTimes).buffer) },
    golden: decodeGolden(next(golden)),
    ...(graph !== null && { graph: new Uint8Array(file.buffer, file.byteOffset + at, graph) }),
  };
  return { delta, hash: hash.toString('hex') };
}

function bodyBytes({ tables, learned, golden, graph }: Header): number {
  const words = tables.reduce((sum, { dim, changed, removed }) => sum + (2 + dim) * changed + 2 * removed, 0);
  return 4 * words + 8 * learned.feedbackTimes + golden + (graph ?? 0);
}

function parseHeader(text: string): Header | undefined {
  try {
    const header: unknown = JSON.parse(text);
    return Value.Check(Header, header) ? header : undefined;
  } catch {
    return undefined;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
