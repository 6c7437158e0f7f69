import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fingerprint, type RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import { inputLayout } from '../features/index.js';
import { isTemporaryName, syncFolder, temporaryName, writeDurably } from '../durable.js';
import { encodeGolden } from './golden.js';
import { contentHash, renderManifest, sealManifest, sha256, type Manifest } from './manifest.js';
import { isModelFile, isTrainingFile, modelFiles, requireName, tablePath, trainingPath, versionName } from './names.js';
import type { ModelParts } from './types.js';

/** What the manifest records and no file says. */
export type ArtifactFacts = Pick<
  Manifest,
  'graph' | 'data' | 'seed' | 'metrics' | 'trainer' | 'profile' | 'gitCommit' | 'stream'
> & {
  readonly definition: { readonly text: string; readonly value: RankerDefinition };
};

export interface SealOptions {
  /** The registry: holds one folder per ranker. */
  readonly directory: string;
  readonly facts: ArtifactFacts;
  readonly model: ModelParts;
  /** Files for people by path, such as report.md or plots/auc.svg. */
  readonly reports?: ReadonlyMap<string, Uint8Array | string>;
  /** Milliseconds since the epoch: when it is sealed. */
  readonly nowMs: number;
}

export interface SealedVersion {
  readonly version: string;
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Writes a version: into a temporary folder beside the others, synced, then renamed. A reader sees all of it or none, and
 * an existing version is never touched. Refuses a model whose tables or golden rows do not fit its definition.
 */
export async function sealArtifact(options: SealOptions): Promise<SealedVersion> {
  const { directory, nowMs } = options;
  const files = filesOf(options);
  const manifest = manifestOf(options, files);
  const ranker = join(directory, requireName('ranker', manifest.ranker));
  await mkdir(ranker, { recursive: true });
  await removeLeftovers(ranker, nowMs);
  const folder = join(ranker, manifest.version);
  await placeVersion(folder, new Map([...files, ['manifest.json', renderManifest(manifest)]]));
  return { version: manifest.version, folder, manifest };
}

/** Writes the files into a folder that appears at once; throws `artifact_exists` if there is one of that name. */
export async function placeVersion(folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  const draft = join(dirname(folder), temporaryName('version'));
  try {
    for (const [path, bytes] of files) await writeDurably(join(draft, path), bytes);
    for (const inner of new Set([...files.keys()].map(dirname))) await syncFolder(join(draft, inner));
    // Refuses to replace a folder that holds anything, and every version does.
    await rename(draft, folder).catch((cause: unknown) => {
      throw existing(folder, cause) ?? cause;
    });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(dirname(folder));
}

function existing(folder: string, cause: unknown): WatchnextError | undefined {
  if (!['ENOTEMPTY', 'EEXIST'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
  return new WatchnextError('artifact_exists', `${folder} is there already; a version never changes.`, {
    problems: [{ path: folder, message: 'exists', hint: 'seal again: the name holds the time' }],
    cause,
  });
}

/** A temporary folder this old belongs to a writer that was killed: sealing takes seconds. */
const leftoverAgeMs = 3_600_000;

/** Removes what killed writers left in a ranker's folder. */
export async function removeLeftovers(ranker: string, nowMs: number): Promise<void> {
  for (const name of (await readdir(ranker)).filter(isTemporaryName)) {
    const path = join(ranker, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
    if (nowMs - mtimeMs > leftoverAgeMs) await rm(path, { recursive: true, force: true });
  }
}

function filesOf({ model, reports = new Map() }: SealOptions): Map<string, Uint8Array | string> {
  const { rows } = model.golden.batch;
  if (rows === 0 || !model.golden.heads.every(Number.isFinite)) {
    throw new WatchnextError('training_diverged', 'The model does not give finite values for its golden rows.', {
      problems: [{ path: modelFiles.golden, message: rows === 0 ? 'there are no rows' : 'a head is not finite' }],
    });
  }
  const files = new Map<string, Uint8Array | string>([
    [modelFiles.graph, model.graph],
    [modelFiles.parameters, `${JSON.stringify(model.parameters)}\n`],
    ...[...model.tables].map(
      ([name, table]) => [tablePath(name), table.serialise({ training: false })] as [string, Uint8Array],
    ),
    [modelFiles.state, model.state],
    [modelFiles.golden, encodeGolden(model.golden)],
    ...[...(model.training ?? [])].map(([name, bytes]) => [requireName('file', trainingPath(name)), bytes] as const),
  ]);
  for (const [path, bytes] of reports) {
    if (isModelFile(requireName('file', path)) || isTrainingFile(path) || path === 'manifest.json')
      throw new Error(`${path} is taken.`);
    files.set(path, bytes);
  }
  return files;
}

function manifestOf({ facts, model, nowMs }: SealOptions, files: ReadonlyMap<string, Uint8Array | string>): Manifest {
  const { definition, graph, data, seed, metrics, trainer, profile, gitCommit, stream } = facts;
  const layout = inputLayout(definition.value);
  const created = new Date(nowMs);
  const content = plain({
    format: 1 as const,
    ranker: definition.value.name,
    created: created.toISOString(),
    fingerprint: fingerprint(definition.value),
    definition,
    graph,
    tasks: Object.entries(definition.value.tasks).map(([name, { kind }]) => ({ name, kind })),
    layout,
    tables: layout.tables.map(({ name, dim }) => {
      const table = model.tables.get(name);
      if (table?.dim !== dim) throw new Error(`The model has no table ${name} of width ${dim}.`);
      return { name, dim, rows: table.size };
    }),
    data,
    seed,
    metrics,
    trainer,
    ...(profile === undefined ? {} : { profile }),
    ...(stream === undefined ? {} : { stream }),
    ...(gitCommit === undefined ? {} : { gitCommit }),
    files: [...files].map(([path, bytes]) => ({ path, bytes: Buffer.byteLength(bytes), sha256: sha256(bytes) })),
  });
  const { format, ranker, ...rest } = content;
  return sealManifest({ format, ranker, version: versionName(created, contentHash(content)), ...rest });
}

/** The value as JSON keeps it (no undefined, no NaN), so that its text is the same after it was read back. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
