import { appendFile, readFile } from 'node:fs/promises';
import { ifMissing, replaceDurably } from '../durable.js';
import { WatchnextError } from '../errors.js';
import { readRegular } from './regular.js';

/** What was not let into service, or was taken out of it, and why. */
export interface RefusedCandidate {
  /** A version, `<version>` or `<version>+<n>`, or another name for what was tried. */
  readonly candidate: string;
  readonly reason: string;
  /** ISO time. */
  readonly at: string;
}

const kept = 100;

/**
 * The last hundred refusals of `<ranker>/refused.jsonl`, oldest first. A line that cannot be read is passed over, and so is what is no such file: who reads
 * this wants reasons, and nothing depends on them.
 */
export async function readRefusals(path: string): Promise<readonly RefusedCandidate[]> {
  const none = Buffer.alloc(0);
  const bytes = await readRegular(path, { name: path, maxBytes: 16 * 2 ** 20 }).catch((error: unknown) =>
    error instanceof WatchnextError ? none : ifMissing(none)(error),
  );
  const text = bytes.toString('utf8');
  return text.split('\n').flatMap(parseLine).slice(-kept);
}

/** Appends, so that several processes may; the file is cut to the last hundred when it has twice as many. */
export async function addRefusal(path: string, refusal: RefusedCandidate): Promise<void> {
  await appendFile(path, `${JSON.stringify(refusal)}\n`);
  const text = await readFile(path, 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length > 2 * kept) await replaceDurably(path, `${lines.slice(-kept).join('\n')}\n`);
}

const parseLine = (line: string): RefusedCandidate[] => {
  try {
    const { candidate, reason, at } = JSON.parse(line) as Partial<Record<keyof RefusedCandidate, unknown>>;
    const texts = [candidate, reason, at].every((value) => typeof value === 'string');
    return texts ? [{ candidate, reason, at } as RefusedCandidate] : [];
  } catch {
    return [];
  }
};
