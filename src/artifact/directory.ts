import { lstat, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WatchnextError } from '../errors.js';
import { appendDelta, endOfChain, listChain, nextDelta, pruneChains } from './chain.js';
import { ifMissing } from '../durable.js';
import { renderManifest, type Manifest } from './manifest.js';
import { isName, parseVersionReference, referenceName, requireName } from './names.js';
import { readPointer, writePointer, type Pointer } from './pointer.js';
import { openVersion, readFiles, readManifest } from './read.js';
import { addRefusal, readRefusals } from './refusals.js';
import { placeVersion } from './seal.js';
import type { Artifacts, LoadedArtifact, LoadOptions, RankerVersions, VersionSummary } from './types.js';

const pointerFile = 'active';
const refusalsFile = 'refused.jsonl';
const keptPrevious = 20;
/** Of the versions before the active one, so many keep their deltas, for rollback. */
const keptChains = 3;

/**
 * The registry in a directory, which any number of processes may share: `<directory>/<ranker>/<version>/`, its deltas in
 * `<ranker>/deltas/<version>/`, `<ranker>/active` and `<ranker>/refused.jsonl`. What else lies there (ranker.yaml, leftovers of killed writers) is passed over.
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

  const requireRanker = async (ranker: string): Promise<void> => {
    if ((await entries(directory, 'ranker')).includes(requireName('ranker', ranker))) return;
    throw missing(`There is no ranker ${ranker}`, 'ranker', await rankers());
  };
  const folderOf = async (ranker: string, version: string): Promise<string> => {
    await requireRanker(ranker);
    const versions = await versionsOf(ranker);
    if (!versions.includes(requireName('version', version))) {
      throw missing(`Ranker ${ranker} has no version ${version}`, 'version', versions);
    }
    return join(directory, ranker, version);
  };

  const manifestOf = async (ranker: string, version: string): Promise<Manifest> =>
    readManifest(await folderOf(ranker, version), { ranker, version });

  /** By folder, of the versions that there were at the last listing: lists are asked for every second, and versions never change. */
  const manifests = new Map<string, { readonly at: string; readonly manifest: Manifest }>();
  const summary = async (ranker: string, version: string): Promise<VersionSummary> => {
    const folder = join(directory, ranker, version);
    const at = await fileIdentity(join(folder, 'manifest.json'));
    const before = manifests.get(folder);
    if (before?.at === at) return { version, manifest: before.manifest };
    try {
      const manifest = await readManifest(folder, { ranker, version });
      manifests.set(folder, { at, manifest });
      return { version, manifest };
    } catch (error) {
      return { version, problem: error instanceof Error ? error.message : String(error) };
    }
  };

  const loadSealed = async (ranker: string, version: string, options?: LoadOptions): Promise<LoadedArtifact> => {
    const folder = await folderOf(ranker, version);
    const manifest = await readManifest(folder, { ranker, version });
    return openVersion(manifest, await readFiles(folder, manifest, options), options);
  };
  /** The name of a sealed version, or with `+<n>` of one with its first n deltas. */
  const load = async (ranker: string, name: string, options?: LoadOptions): Promise<LoadedArtifact> => {
    const { version, sequence } = parseVersionReference(name);
    let artifact = await loadSealed(ranker, version, options);
    const known = await listChain(join(directory, ranker), version);
    if (sequence > 0 && !known.includes(sequence)) {
      const names = known.map((each) => referenceName({ version, sequence: each }));
      throw missing(`Ranker ${ranker} has no version ${name}`, 'version', [version, ...names.slice(-1)]);
    }
    while (artifact.chain.sequence < sequence) {
      const { delta, hash } = await nextDelta(join(directory, ranker), artifact.manifest, artifact.chain);
      for (const [table, changes] of delta.tables) artifact.tables.get(table)?.apply(changes);
      const { graph = artifact.graph, golden, learned, createdMs } = delta;
      artifact = { ...artifact, graph, golden, learned, createdMs, chain: { sequence: delta.sequence, hash } };
    }
    return artifact;
  };
  const point = (ranker: string, pointer: Pointer): Promise<void> =>
    writePointer(join(directory, ranker, pointerFile), pointer);
  /** Chains of versions that rollback is not likely to reach go; what is newer than the active version may be next. */
  const prune = async (ranker: string, alsoKept?: string): Promise<void> => {
    const { version = '', previous = [] } = await pointerOrProblem(ranker);
    const kept = [...previous.slice(0, keptChains), alsoKept];
    await pruneChains(join(directory, ranker), (each) => each >= version || kept.includes(each));
  };
  const refuse = async (ranker: string, candidate: string, reason: string): Promise<void> => {
    await requireRanker(ranker);
    await addRefusal(join(directory, ranker, refusalsFile), { candidate, reason, at: new Date().toISOString() });
  };

  return {
    async list() {
      const listed = (await rankers()).map(async (ranker): Promise<RankerVersions> => {
        const { version: active, previous = [], through = {}, problem } = await pointerOrProblem(ranker);
        const limit = active === undefined ? undefined : through[active];
        const versions = (await versionsOf(ranker)).map((version) => summary(ranker, version));
        return {
          ranker,
          active,
          ...(problem !== undefined && { problem }),
          ...(limit !== undefined && { through: limit }),
          previous,
          refused: await readRefusals(join(directory, ranker, refusalsFile)),
          versions: await Promise.all(versions),
        };
      });
      const all = await Promise.all(listed);
      const there = new Set(
        all.flatMap(({ ranker, versions }) => versions.map(({ version }) => join(directory, ranker, version))),
      );
      for (const folder of manifests.keys()) if (!there.has(folder)) manifests.delete(folder);
      return all;
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
        await loadSealed(ranker, version);
      }
      return { ranker, version };
    },

    activate: (ranker, version) =>
      inTurn(ranker, async () => {
        await loadSealed(ranker, version);
        const { version: current, previous = [], through = {} } = await pointerOrProblem(ranker);
        const { [version]: limit, ...others } = through;
        if (current === version && limit === undefined) return;
        const before = current === undefined || current === version ? previous : [current, ...previous];
        await point(ranker, { version, previous: before.slice(0, keptPrevious), through: others });
        await prune(ranker);
      }),

    rollback: (ranker) =>
      inTurn(ranker, async () => {
        const { previous = [], through = {} } = (await pointerOf(requireName('ranker', ranker))) ?? {};
        const versions = await versionsOf(ranker);
        const target = previous.findIndex((version) => versions.includes(version));
        const version = previous[target];
        if (version === undefined) {
          throw missing(`Ranker ${ranker} has no earlier version to go back to`, 'version', versions);
        }
        await loadSealed(ranker, version);
        await point(ranker, { version, previous: previous.slice(target + 1), through });
        return version;
      }),

    publishDelta: (delta) =>
      inTurn(delta.ranker, async () => {
        const { ranker, base: version, sequence } = delta;
        await appendDelta(join(directory, ranker), await manifestOf(ranker, version), delta);
        if (sequence === 1) await prune(ranker, version);
        return referenceName({ version, sequence });
      }),

    async deltas(ranker, version) {
      await folderOf(ranker, version);
      return listChain(join(directory, ranker), version);
    },

    async endOfChain(ranker, version) {
      const manifest = await manifestOf(ranker, version);
      return endOfChain(join(directory, ranker), manifest);
    },

    async nextDelta(ranker, version, end) {
      return nextDelta(join(directory, ranker), await manifestOf(ranker, version), end);
    },

    withdraw: (ranker, sequence, reason) =>
      inTurn(ranker, async () => {
        const pointer = await pointerOf(requireName('ranker', ranker));
        if (pointer === undefined)
          throw missing(`Ranker ${ranker} has no active version`, 'version', await versionsOf(ranker));
        const { version, through = {} } = pointer;
        await point(ranker, { ...pointer, through: { ...through, [version]: sequence } });
        await refuse(ranker, referenceName({ version, sequence: sequence + 1 }), reason);
      }),

    refuse: ({ ranker, candidate, reason }) => inTurn(ranker, () => refuse(ranker, candidate, reason)),
  };
}

/** Differs from what it was before if the file may have changed. */
async function fileIdentity(path: string): Promise<string> {
  const { ino, size, mtimeMs, ctimeMs } = await lstat(path).catch(
    ifMissing({ ino: 0, size: 0, mtimeMs: 0, ctimeMs: 0 }),
  );
  return [ino, size, mtimeMs, ctimeMs].join();
}

/** Names of the real folders in a folder, sorted; links and everything with another kind of name are passed over. */
async function entries(folder: string, kind: 'ranker' | 'version'): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(ifMissing([]));
  return found
    .filter((entry) => entry.isDirectory() && isName(kind, entry.name))
    .map(({ name }) => name)
    .sort();
}

function missing(what: string, path: string, known: readonly string[]): WatchnextError {
  const there = known.length === 0 ? 'no version was sealed here' : `there is ${known.join(', ')}`;
  return new WatchnextError('artifact_missing', `${what}: ${there}.`, {
    problems: [
      {
        path,
        message: what,
        hint:
          known.length === 0
            ? 'train one with watchnext train, or name the folder that versions were sealed into: --models'
            : `use ${known.join(', ')}`,
      },
    ],
  });
}
