import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WatchnextError } from '../errors.js';
import { replaceDurably } from './durable.js';
import { damagedFile, renderManifest } from './manifest.js';
import { isName, requireName } from './names.js';
import { openVersion, readFiles, readManifest } from './read.js';
import { placeVersion } from './seal.js';
import type { Artifacts, LoadedArtifact, LoadOptions, RankerVersions, VersionSummary } from './types.js';

/** `<ranker>/active`: the version in service and, for rollback, those before it, the latest first. */
interface Pointer {
  readonly version: string;
  readonly previous: readonly string[];
}
const pointerFile = 'active';
const keptPrevious = 20;

/**
 * The registry in a directory, which any number of processes may share: `<directory>/<ranker>/<version>/` and
 * `<ranker>/active`. What else lies there (ranker.yaml, leftovers of killed writers) is passed over.
 */
export function openArtifacts(directory: string): Artifacts {
  /** Changes of a ranker's pointer, one after the other, so that none of this process is lost in the history. */
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(ranker: string, change: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(ranker) ?? Promise.resolve()).then(change, change);
    turns.set(ranker, turn);
    return turn;
  };

  const rankers = async (): Promise<string[]> => {
    const names = await entries(directory, 'ranker');
    const found = await Promise.all(
      names.map(
        async (name) => (await versionsOf(name)).length > 0 || Object.keys(await pointerOrProblem(name)).length > 0,
      ),
    );
    return names.filter((_, i) => found[i]);
  };
  const versionsOf = (ranker: string): Promise<string[]> => entries(join(directory, ranker), 'version');
  const pointerOf = (ranker: string): Promise<Pointer | undefined> => readPointer(join(directory, ranker, pointerFile));
  /** What is wrong with one ranker's pointer must not hide the others, nor keep a new one from replacing it. */
  const pointerOrProblem = (ranker: string): Promise<Partial<Pointer> & { readonly problem?: string }> =>
    pointerOf(ranker).then(
      (pointer) => pointer ?? {},
      (error: unknown) => {
        if (error instanceof WatchnextError) return { problem: error.message };
        throw error;
      },
    );

  const folderOf = async (ranker: string, version: string): Promise<string> => {
    if (!(await entries(directory, 'ranker')).includes(requireName('ranker', ranker))) {
      throw missing(`There is no ranker ${ranker}`, 'ranker', await rankers());
    }
    const versions = await versionsOf(ranker);
    if (!versions.includes(requireName('version', version))) {
      throw missing(`Ranker ${ranker} has no version ${version}`, 'version', versions);
    }
    return join(directory, ranker, version);
  };

  const load = async (ranker: string, version: string, options?: LoadOptions): Promise<LoadedArtifact> => {
    const folder = await folderOf(ranker, version);
    const manifest = await readManifest(folder, { ranker, version });
    return openVersion(manifest, await readFiles(folder, manifest, options));
  };
  const point = (ranker: string, pointer: Pointer): Promise<void> =>
    replaceDurably(join(directory, ranker, pointerFile), `${JSON.stringify(pointer)}\n`);

  return {
    async list() {
      const summaries = (await rankers()).map(async (ranker): Promise<RankerVersions> => {
        const { version: active, previous = [], problem } = await pointerOrProblem(ranker);
        const versions = (await versionsOf(ranker)).map((version) => summary(directory, ranker, version));
        return {
          ranker,
          active,
          ...(problem !== undefined && { problem }),
          previous,
          versions: await Promise.all(versions),
        };
      });
      return Promise.all(summaries);
    },

    async load(ranker, version, options) {
      if (version !== undefined) return load(ranker, version, options);
      const active = (await pointerOf(requireName('ranker', ranker)))?.version;
      if (active !== undefined) return load(ranker, active, options);
      const known = await rankers();
      if (!known.includes(ranker)) throw missing(`There is no ranker ${ranker}`, 'ranker', known);
      throw missing(`Ranker ${ranker} has no active version`, 'version', await versionsOf(ranker));
    },

    async publish(folder) {
      const manifest = await readManifest(folder, { version: basename(folder) });
      const { ranker, version } = manifest;
      const files = await readFiles(folder, manifest, { training: true });
      openVersion(manifest, files);
      await mkdir(join(directory, requireName('ranker', ranker)), { recursive: true });
      try {
        await placeVersion(
          join(directory, ranker, requireName('version', version)),
          new Map<string, Uint8Array | string>([...files, ['manifest.json', renderManifest(manifest)]]),
        );
      } catch (error) {
        if (!(error instanceof WatchnextError && error.code === 'artifact_exists')) throw error;
        // The name holds a hash of the contents: it is the same version, if it is whole.
        await load(ranker, version);
      }
      return { ranker, version };
    },

    activate: (ranker, version) =>
      inTurn(ranker, async () => {
        await load(ranker, version);
        const { version: current, previous = [] } = await pointerOrProblem(ranker);
        if (current === version) return;
        const before = current === undefined ? [] : [current, ...previous];
        await point(ranker, { version, previous: before.slice(0, keptPrevious) });
      }),

    rollback: (ranker) =>
      inTurn(ranker, async () => {
        const previous = (await pointerOf(requireName('ranker', ranker)))?.previous ?? [];
        const versions = await versionsOf(ranker);
        const target = previous.findIndex((version) => versions.includes(version));
        const version = previous[target];
        if (version === undefined) {
          throw missing(`Ranker ${ranker} has no earlier version to go back to`, 'version', versions);
        }
        await load(ranker, version);
        await point(ranker, { version, previous: previous.slice(target + 1) });
        return version;
      }),
  };
}

async function summary(directory: string, ranker: string, version: string): Promise<VersionSummary> {
  try {
    return { version, manifest: await readManifest(join(directory, ranker, version), { ranker, version }) };
  } catch (error) {
    return { version, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Names of the real folders in a folder, sorted; links and everything with another kind of name are passed over. */
async function entries(folder: string, kind: 'ranker' | 'version'): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(ifMissing([]));
  return found
    .filter((entry) => entry.isDirectory() && isName(kind, entry.name))
    .map(({ name }) => name)
    .sort();
}

async function readPointer(path: string): Promise<Pointer | undefined> {
  const text = await readFile(path, 'utf8').catch(ifMissing(undefined));
  if (text === undefined) return undefined;
  let pointer: Partial<Pointer> | null;
  try {
    pointer = JSON.parse(text) as Partial<Pointer> | null;
  } catch {
    pointer = null;
  }
  const { version, previous } = pointer ?? {};
  const named = (name: unknown): boolean => typeof name === 'string' && isName('version', name);
  if (!named(version) || !Array.isArray(previous) || !previous.every(named)) {
    throw damagedFile(path, 'it does not name a version; activate one to replace it');
  }
  return pointer as Pointer;
}

const ifMissing =
  <T>(otherwise: T) =>
  (error: unknown): T => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  };

function missing(what: string, path: string, known: readonly string[]): WatchnextError {
  const there = known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`;
  return new WatchnextError('artifact_missing', `${what}: ${there}.`, {
    problems: [
      { path, message: what, hint: known.length === 0 ? 'train one: watchnext train' : `use ${known.join(', ')}` },
    ],
  });
}
