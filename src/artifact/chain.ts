import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WatchnextError, type Problem } from '../errors.js';
import { decodeDelta, encodeDelta, hashBytes, mostFeedbackTimes, type HashedDelta, type ModelDelta } from './delta.js';
import { ifMissing, syncFolder, temporaryName, writeDurably } from '../durable.js';
import { contentHash, damagedFile, type Manifest } from './manifest.js';
import { chainPath, chainsPath, deltaFile, isName, referenceName, sequenceOf } from './names.js';
import { readRegular } from './regular.js';
import { removeLeftovers } from './seal.js';

/** A delta is what changed within seconds; whole versions are sealed. */
const mostDeltaBytes = 2 ** 30;

/** How far a chain goes: what the next delta must name. */
export interface ChainEnd {
  /** Of the last delta; 0 where there is none. */
  readonly sequence: number;
  /** Of the last delta; of the base's content where there is none. */
  readonly hash: string;
}

export const startOfChain = (manifest: Manifest): ChainEnd => ({ sequence: 0, hash: contentHash(manifest) });

/** The sequences of a version's deltas, ascending; reads names only. `ranker` is its folder. */
export async function listChain(ranker: string, version: string): Promise<readonly number[]> {
  const names = await readdir(join(ranker, chainPath(version))).catch(ifMissing([]));
  const sequences = names.map(sequenceOf).filter((sequence) => sequence !== undefined);
  return sequences.sort((a, b) => a - b);
}

/** Reads the hash of the last delta and nothing else of the chain. */
export async function endOfChain(ranker: string, manifest: Manifest): Promise<ChainEnd> {
  const sequence = (await listChain(ranker, manifest.version)).at(-1);
  if (sequence === undefined) return startOfChain(manifest);
  const file = await open(join(ranker, chainPath(manifest.version), deltaFile(sequence)), 'r');
  try {
    const { size } = await file.stat();
    const hash = Buffer.alloc(hashBytes);
    await file.read(hash, 0, hashBytes, Math.max(0, size - hashBytes));
    return { sequence, hash: hash.toString('hex') };
  } finally {
    await file.close();
  }
}

/** One delta, whole, and the one that its file's name promises; links are not followed. */
async function readDelta(ranker: string, manifest: Manifest, sequence: number): Promise<HashedDelta> {
  const name = `${chainPath(manifest.version)}/${deltaFile(sequence)}`;
  const bytes = await readRegular(join(ranker, name), { name, maxBytes: mostDeltaBytes }).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw refused(manifest, sequence, [{ path: name, message: 'it is missing' }]);
  });
  const hashed = decodeDelta(bytes, name);
  const { delta } = hashed;
  if (delta.ranker !== manifest.ranker || delta.base !== manifest.version || delta.sequence !== sequence) {
    const found = `${delta.ranker}@${referenceName({ version: delta.base, sequence: delta.sequence })}`;
    throw damagedFile(name, `it belongs to ${found}`);
  }
  return hashed;
}

/** The delta after `end`; throws `delta_refused` if it does not follow on it, or does not fit its base. */
export async function nextDelta(ranker: string, manifest: Manifest, end: ChainEnd): Promise<HashedDelta> {
  const hashed = await readDelta(ranker, manifest, end.sequence + 1);
  requireFit(hashed.delta, manifest, end);
  return hashed;
}

/** Adds a delta to the end of its chain, durably and as a whole; throws `delta_refused` if it does not fit there. */
export async function appendDelta(ranker: string, manifest: Manifest, delta: ModelDelta): Promise<void> {
  requireFit(delta, manifest, await endOfChain(ranker, manifest));
  const folder = join(ranker, chainPath(manifest.version));
  if ((await mkdir(folder, { recursive: true })) !== undefined)
    for (const parent of [dirname(folder), ranker]) await syncFolder(parent);
  await removeLeftovers(folder, delta.createdMs);
  const draft = join(folder, temporaryName('delta'));
  await writeDurably(draft, encodeDelta(delta));
  await rename(draft, join(folder, deltaFile(delta.sequence)));
  await syncFolder(folder);
}

/** Removes the chains of all versions that are not to be kept. */
export async function pruneChains(ranker: string, keep: (version: string) => boolean): Promise<void> {
  const folder = join(ranker, chainsPath);
  const versions = (await readdir(folder).catch(ifMissing([]))).filter((name) => isName('version', name));
  for (const version of versions) if (!keep(version)) await rm(join(folder, version), { recursive: true, force: true });
}

function requireFit(delta: ModelDelta, manifest: Manifest, end: ChainEnd): void {
  const problems = misfits(delta, manifest, end);
  if (problems.length > 0) throw refused(manifest, delta.sequence, problems);
}

function misfits(delta: ModelDelta, manifest: Manifest, end: ChainEnd): Problem[] {
  const problems: Problem[] = [];
  const expect = (holds: boolean, path: string, message: string): void => {
    if (!holds) problems.push({ path, message });
  };
  const { sequence, previous, tables, golden, learned } = delta;
  expect(sequence === end.sequence + 1, 'sequence', `is ${sequence}, the next of the chain is ${end.sequence + 1}`);
  expect(previous === end.hash, 'previous', `is ${previous}, the chain ends with ${end.hash}`);
  for (const [name, { keys, values, removed }] of tables) {
    const path = `tables/${name}`;
    const dim = manifest.tables.find((table) => table.name === name)?.dim;
    expect(dim !== undefined, path, 'the base has no such table');
    const whole = keys.length % 2 === 0 && removed.length % 2 === 0;
    expect(
      dim === undefined || (whole && 2 * values.length === dim * keys.length),
      path,
      `its rows are not ${dim} wide`,
    );
    expect(values.every(Number.isFinite), path, 'a value is not finite');
  }
  const { heads, batch } = golden;
  expect(
    heads.length > 0 && heads.length === batch.rows * manifest.tasks.length,
    'golden',
    'it has not one value per row and head',
  );
  expect(heads.every(Number.isFinite), 'golden', 'a head is not finite');
  const { until, rows, feedbackTimes } = learned;
  expect(
    feedbackTimes.length <= mostFeedbackTimes,
    'learned',
    `it names more than ${mostFeedbackTimes} feedback times`,
  );
  expect(
    [delta.createdMs, until, rows].every(Number.isFinite) && feedbackTimes.every(Number.isFinite),
    'learned',
    'a number is not finite',
  );
  return problems;
}

const refused = ({ version }: Manifest, sequence: number, problems: readonly Problem[]): WatchnextError => {
  const name = referenceName({ version, sequence });
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new WatchnextError('delta_refused', `${name} was refused: ${first?.path}: ${first?.message}${more}.`, {
    problems,
  });
};
