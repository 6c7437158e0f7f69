import { createHash } from 'node:crypto';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { RankerDefinition } from '../definition/index.js';
import { ProfileSchema } from '../drift/index.js';
import { WatchnextError } from '../errors.js';
import type { InputLayout } from '../features/index.js';
import type { StreamPosition } from '../join/index.js';
import { isModelFile } from './names.js';

const Tensor = Type.Object({
  name: Type.String(),
  dtype: Type.String(),
  shape: Type.Array(Type.Union([Type.Number(), Type.String()])),
});
const Text = Type.String();
/** As `toISOString` writes it. A service begins to follow the log at such a time: one that is none would be after everything. */
const Instant = Type.String({ pattern: '^([+-]\\d\\d)?\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' });
const Json = Type.Record(Text, Type.Unknown());

/** Versions have a few dozen files: a table per feature, reports and plots. */
const mostFiles = 10_000;

/** manifest.json: what a sealed version is and where it comes from, and the size and hash of each of its other files. */
const ManifestSchema = Type.Object({
  format: Type.Literal(1),
  ranker: Text,
  version: Text,
  created: Instant,
  fingerprint: Text,
  definition: Type.Object({ text: Text, value: Type.Unsafe<RankerDefinition>(Type.Object({})) }),
  graph: Type.Object({
    opset: Type.Integer(),
    inputs: Type.Array(Tensor),
    outputs: Type.Array(Tensor),
  }),
  /** In the order of the columns of `heads`. */
  tasks: Type.Array(
    Type.Object({ name: Text, kind: Type.Union([Type.Literal('binary'), Type.Literal('regression')]) }),
  ),
  layout: Type.Unsafe<InputLayout>(Type.Object({})),
  tables: Type.Array(Type.Object({ name: Text, dim: Type.Integer(), rows: Type.Integer() })),
  /** Of the first and last request learned from, and how many rows. */
  data: Type.Object({ from: Instant, until: Instant, rows: Type.Integer() }),
  seed: Type.Integer(),
  metrics: Json,
  trainer: Json,
  /** What was usual where it was trained; absent in versions sealed before there was one. */
  profile: Type.Optional(ProfileSchema),
  /** Where in the event log the feature state stands; absent where the version was trained from files. */
  stream: Type.Optional(
    Type.Unsafe<StreamPosition>(Type.Object({ watermark: Type.Number(), offsets: Type.Array(Type.Number()) })),
  ),
  gitCommit: Type.Optional(Text),
  files: Type.Array(Type.Object({ path: Text, bytes: Type.Integer({ minimum: 0 }), sha256: Text }), {
    maxItems: mostFiles,
  }),
  /** SHA-256 of this file without this line; its beginning is part of the version's name. */
  checksum: Text,
});

export type Manifest = Static<typeof ManifestSchema>;
export type ManifestFile = Manifest['files'][number];

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/**
 * What the version's name hashes: what the model computes with. Training that is repeated with the same seed on the same
 * data gives the same hash, whatever the time and the report say.
 */
export function contentHash({ definition, files }: Pick<Manifest, 'definition' | 'files'>): string {
  const computing = files.filter(({ path }) => isModelFile(path)).map(({ path, sha256 }) => [path, sha256]);
  return sha256(JSON.stringify([definition, computing]));
}

export function sealManifest(manifest: Omit<Manifest, 'checksum'>): Manifest {
  return { ...manifest, checksum: sha256(JSON.stringify(manifest)) };
}

export const renderManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

/** Reads manifest.json; anything but the bytes that were sealed is `artifact_damaged`. */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damagedFile(file, 'it is not JSON');
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format !== 1) {
    throw otherFormat(file, format, 1);
  }
  if (!Value.Check(ManifestSchema, value)) {
    const error = Value.Errors(ManifestSchema, value).First();
    throw damagedFile(file, `${error?.path ?? ''} ${error?.message ?? 'is not a manifest'}`);
  }
  const { checksum, ...rest } = value;
  if (sha256(JSON.stringify(rest)) !== checksum || renderManifest(value) !== text) {
    throw damagedFile(file, 'its checksum does not match its contents');
  }
  return value;
}

export const damagedFile = (
  file: string,
  why: string,
  hint = 'restore the version from where it was sealed, or train again',
): WatchnextError =>
  new WatchnextError('artifact_damaged', `${file} was refused: ${why}.`, {
    problems: [{ path: file, message: why, hint }],
  });

/** A file as another release of this program writes it. */
export const otherFormat = (file: string, found: number, read: number): WatchnextError =>
  damagedFile(
    file,
    `its format is version ${found}; this program reads version ${read}`,
    found > read ? 'it was made by a newer watchnext: use that, or seal the version anew with this one' : undefined,
  );
