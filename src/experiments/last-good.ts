import { readFile } from 'node:fs/promises';
import { ifMissing, replaceDurably } from '../durable.js';
import { WatchnextError } from '../errors.js';
import type { Begun } from './changes.js';
import { isObject } from './payload.js';

/** What was read of a source: texts of JSON. */
export interface PayloadText {
  readonly payload: string;
  readonly testers?: string;
}

/** The configuration that applied last, with what has begun: a restart goes on from it. */
export interface LastGood extends PayloadText {
  /** ISO time. */
  readonly savedAt: string;
  readonly begun: Begun;
}

/** Undefined if there is none. Throws `experiments_invalid` for one that cannot be read. */
export const readLastGood = async (file: string): Promise<LastGood | undefined> => {
  const text = await readFile(file, 'utf8').catch(ifMissing(undefined));
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    if (isObject(value) && typeof value['payload'] === 'string' && isObject(value['begun']))
      return value as unknown as LastGood;
  } catch {
    // Told below.
  }
  throw new WatchnextError('experiments_invalid', `${file} is no copy of experiments`, {
    problems: [
      {
        path: file,
        message: 'was not written by this service',
        hint: 'remove it; what has been running is then not known, and the next configuration is taken as it is',
      },
    ],
  });
};

export const writeLastGood = (file: string, kept: LastGood): Promise<void> =>
  replaceDurably(file, `${JSON.stringify(kept)}\n`);
