import { ifMissing, replaceDurably } from '../durable.js';
import { damagedFile } from './manifest.js';
import { isName } from './names.js';
import { readRegular } from './regular.js';

/** `<ranker>/active`: the version in service and, for rollback, those before it, the latest first. */
export interface Pointer {
  readonly version: string;
  readonly previous: readonly string[];
  /** By version, of those above: how many of its deltas may serve. All where it is left out. */
  readonly through?: Readonly<Record<string, number>>;
}

/** The file's pointer; undefined if there is none, `artifact_damaged` for anything else. */
export async function readPointer(path: string): Promise<Pointer | undefined> {
  const bytes = await readRegular(path, { name: path, maxBytes: 2 ** 20 }).catch(ifMissing(undefined));
  if (bytes === undefined) return undefined;
  let pointer: Partial<Pointer> | null;
  try {
    pointer = JSON.parse(bytes.toString('utf8')) as Partial<Pointer> | null;
  } catch {
    pointer = null;
  }
  const { version, previous, through = {} } = pointer ?? {};
  const named = (name: unknown): boolean => typeof name === 'string' && isName('version', name);
  const counts = through as unknown;
  const limited = typeof counts === 'object' && counts !== null && Object.entries(counts).every(isLimit);
  if (!named(version) || !Array.isArray(previous) || !previous.every(named) || !limited) {
    throw damagedFile(path, 'it does not name a version; activate one to replace it');
  }
  return pointer as Pointer;
}

/** Replaces the pointer as a whole. Limits of versions that it does not name any more are forgotten. */
export function writePointer(path: string, { version, previous, through = {} }: Pointer): Promise<void> {
  const limits = Object.entries(through).filter(([of]) => of === version || previous.includes(of));
  const limited = limits.length > 0 && { through: Object.fromEntries(limits) };
  return replaceDurably(path, `${JSON.stringify({ version, previous, ...limited })}\n`);
}

const isLimit = ([version, count]: [string, unknown]): boolean =>
  isName('version', version) && Number.isInteger(count) && (count as number) >= 0;
