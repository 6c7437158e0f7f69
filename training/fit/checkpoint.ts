import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WatchnextError } from '../../src/errors.js';
import type { ModelState } from './model.js';

const magic = 'watchnext checkpoint 1\n';

/** Where a run stood: plain JSON beside the model's state. */
export interface Checkpoint<Position> {
  readonly position: Position;
  readonly now: ModelState;
  /** The state with the best validation loss so far. */
  readonly best: ModelState | undefined;
}

interface Section {
  readonly name: string;
  readonly type: 'float32' | 'uint8';
  readonly byteLength: number;
}

/**
 * One file: magic, uint32 header length, JSON header, sections one after the other, sha256 of all that. Written beside
 * its place, synced and renamed: whatever happens, the file is the previous checkpoint or this one.
 */
export async function writeCheckpoint<Position>(path: string, checkpoint: Checkpoint<Position>): Promise<void> {
  const sections = [...sectionsOf('now', checkpoint.now), ...sectionsOf('best', checkpoint.best)];
  const header = new TextEncoder().encode(
    JSON.stringify({
      position: checkpoint.position,
      hasBest: checkpoint.best !== undefined,
      sections: sections.map(([name, values]): Section => {
        return { name, type: values instanceof Float32Array ? 'float32' : 'uint8', byteLength: values.byteLength };
      }),
    }),
  );
  const parts: Uint8Array[] = [
    new TextEncoder().encode(magic),
    new Uint8Array(Uint32Array.of(header.byteLength).buffer),
    header,
  ];
  for (const [, values] of sections) parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  parts.push(hash.digest());
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(beside, 'w');
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Undefined where there is no such file; refuses one that is damaged. */
export async function readCheckpoint<Position>(path: string): Promise<Checkpoint<Position> | undefined> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const content = bytes.subarray(0, -32);
  const intact = createHash('sha256').update(content).digest().equals(bytes.subarray(-32));
  if (!intact || content.subarray(0, magic.length).toString() !== magic) {
    throw new WatchnextError('artifact_damaged', `The checkpoint ${path} is damaged or of another version.`, {
      problems: [{ path, message: 'its checksum does not match', hint: 'delete it to train from the start' }],
    });
  }
  const headerAt = magic.length + 4;
  const headerLength = content.readUInt32LE(magic.length);
  const header = JSON.parse(content.toString('utf8', headerAt, headerAt + headerLength)) as {
    position: Position;
    hasBest: boolean;
    sections: Section[];
  };
  const arrays = new Map<string, Float32Array | Uint8Array>();
  let at = headerAt + headerLength;
  for (const { name, type, byteLength } of header.sections) {
    // A copy, because sections are not aligned in the file.
    const copy = new Uint8Array(content.subarray(at, at + byteLength));
    arrays.set(name, type === 'float32' ? new Float32Array(copy.buffer) : copy);
    at += byteLength;
  }
  return {
    position: header.position,
    now: stateOf('now', arrays),
    best: header.hasBest ? stateOf('best', arrays) : undefined,
  };
}

export async function removeCheckpoint(path: string): Promise<void> {
  await rm(path, { force: true });
}

type Named = [string, Float32Array | Uint8Array];

function sectionsOf(prefix: string, state: ModelState | undefined): Named[] {
  if (state === undefined) return [];
  return (['dense', 'tables'] as const).flatMap((kind) =>
    [...state[kind]].map(([name, values]): Named => [`${prefix}/${kind}/${name}`, values]),
  );
}

function stateOf(prefix: string, arrays: ReadonlyMap<string, Float32Array | Uint8Array>): ModelState {
  const of = (kind: string): Map<string, never> => {
    const start = `${prefix}/${kind}/`;
    const found = [...arrays].filter(([name]) => name.startsWith(start));
    return new Map(found.map(([name, values]) => [name.slice(start.length), values as never]));
  };
  return { dense: of('dense'), tables: of('tables') };
}
