import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { fingerprint, parseDefinition, type RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import { parseTable } from '../embeddings/index.js';
import { inputLayout, type FeatureParameters } from '../features/index.js';
import { startOfChain } from './chain.js';
import { decodeGolden } from './golden.js';
import { contentHash, damagedFile, parseManifest, sha256, type Manifest, type ManifestFile } from './manifest.js';
import {
  isModelFile,
  isName,
  isTableFile,
  isTrainingFile,
  modelFiles,
  tablePath,
  trainingPath,
  versionName,
} from './names.js';
import { readRegular } from './regular.js';
import type { LoadedArtifact, LoadOptions } from './types.js';

/** No manifest is near this size; a larger file is not read. */
const maxManifestBytes = 64 * 2 ** 20;

/** Reads a version's manifest and checks that it is the one this folder's name promises. */
export async function readManifest(folder: string, expected: { ranker?: string; version: string }): Promise<Manifest> {
  const path = 'manifest.json';
  const bytes = await readWithin(folder, { path });
  const manifest = parseManifest(bytes.toString('utf8'), path);
  const named = versionName(new Date(manifest.created), contentHash(manifest));
  if (manifest.version !== expected.version || named !== manifest.version) {
    throw damagedFile(path, `it belongs to version ${manifest.version}, the folder is ${expected.version}`);
  }
  if (expected.ranker !== undefined && manifest.ranker !== expected.ranker) {
    throw damagedFile(path, `it belongs to ranker ${manifest.ranker}, the folder to ${expected.ranker}`);
  }
  const strange = manifest.files.find(({ path: file }) => !isName('file', file));
  const names = new Set(manifest.files.map(({ path: file }) => file));
  if (names.size < manifest.files.length) throw damagedFile(path, 'it lists a file twice');
  if (strange !== undefined) throw damagedFile(path, `it lists a file named ${JSON.stringify(strange.path)}`);
  return manifest;
}

/** The files of a version by path, each with the size and hash that the manifest says; those for training if asked. */
export async function readFiles(
  folder: string,
  manifest: Manifest,
  { training = false }: LoadOptions = {},
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const file of manifest.files) {
    if (training || !isTrainingFile(file.path)) files.set(file.path, await readWithin(folder, file));
  }
  return files;
}

/** Everything a version holds, verified; what is parsed has passed its checksum. */
export function openVersion(
  manifest: Manifest,
  files: ReadonlyMap<string, Buffer>,
  { memory }: Pick<LoadOptions, 'memory'> = {},
): LoadedArtifact {
  const definition = definitionOf(manifest);
  if (fingerprint(definition) !== manifest.fingerprint) {
    throw damagedFile('manifest.json', `its definition's fingerprint is not ${manifest.fingerprint}`);
  }
  if (JSON.stringify(inputLayout(definition)) !== JSON.stringify(manifest.layout)) {
    throw damagedFile('manifest.json', 'its layout is not how this program encodes its definition');
  }
  const take = (path: string): Buffer => {
    const bytes = files.get(path);
    if (bytes === undefined) throw damagedFile(path, 'the version does not have it');
    return bytes;
  };
  const tables = manifest.layout.tables.map(({ name, dim }) => {
    const table = parseTable(take(tablePath(name)), tablePath(name), memory);
    if (table.dim !== dim) throw damagedFile(tablePath(name), `its rows have ${table.dim} numbers, not ${dim}`);
    return [name, table] as const;
  });
  const golden = decodeGolden(take(modelFiles.golden));
  if (golden.heads.length !== golden.batch.rows * manifest.tasks.length) {
    throw damagedFile(modelFiles.golden, `it does not have ${manifest.tasks.length} heads per row`);
  }
  if (golden.batch.rows === 0) throw damagedFile(modelFiles.golden, 'it has no rows');
  const training = [...files].filter(([path]) => isTrainingFile(path));
  const start = trainingPath('').length;
  return {
    manifest,
    definition,
    graph: take(modelFiles.graph),
    parameters: parseParameters(take(modelFiles.parameters)),
    tables: new Map(tables),
    state: take(modelFiles.state),
    golden,
    ...(training.length === 0
      ? {}
      : { training: new Map(training.map(([path, bytes]) => [path.slice(start), bytes])) }),
    chain: startOfChain(manifest),
    reports: new Map([...files].filter(([path]) => !isModelFile(path) && !isTrainingFile(path))),
  };
}

function definitionOf({ definition }: Manifest): RankerDefinition {
  try {
    return parseDefinition(definition.text, 'manifest.json');
  } catch (error) {
    if (!(error instanceof WatchnextError)) throw error;
    const { path = '', message = '' } = error.problems[0] ?? {};
    throw damagedFile('manifest.json', `its definition cannot be read (${path}: ${message})`);
  }
}

function parseParameters(bytes: Buffer): FeatureParameters {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damagedFile(modelFiles.parameters, 'it is not JSON');
  }
  if (Value.Check(FeatureParametersSchema, value)) return value;
  const error = Value.Errors(FeatureParametersSchema, value).First();
  throw damagedFile(modelFiles.parameters, `${error?.path ?? ''} ${error?.message ?? 'is not as it should be'}`);
}

const FeatureParametersSchema = Type.Object({
  version: Type.Literal(1),
  features: Type.Record(Type.String(), Type.Record(Type.String(), Type.Array(Type.Number()))),
});

/** A file of the folder itself, whole: also no folder on the way to it is a link. */
async function readWithin(folder: string, expected: { path: string } & Partial<ManifestFile>): Promise<Buffer> {
  const { path, bytes, sha256: hash } = expected;
  const real = await realpath(join(folder, path)).catch(() => undefined);
  if (real === undefined) throw damagedFile(path, 'it is missing');
  if (real !== join(await realpath(folder), path)) throw damagedFile(path, 'it is a link');
  const maxBytes = bytes === undefined ? maxManifestBytes : mostBytesOf(path);
  const read = await readRegular(real, { name: path, maxBytes, ...(bytes !== undefined && { bytes }) });
  if (hash !== undefined && sha256(read) !== hash) throw damagedFile(path, 'its checksum does not match its contents');
  return read;
}

/** What a file of this name may hold at most; what is parsed as a whole less than what is copied. */
const mostBytesOf = (path: string): number => {
  if (path === modelFiles.graph) return 2 ** 30;
  const isCopied = isTableFile(path) || path === modelFiles.state || isTrainingFile(path);
  return isCopied ? 2 ** 31 - 1 : 64 * 2 ** 20;
};
