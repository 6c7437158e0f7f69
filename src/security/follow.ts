import { resolve } from 'node:path';
import { WatchnextError } from '../errors.js';
import { pollEvery, type Polling } from '../polling.js';
import type { Logger } from '../telemetry/index.js';
import { parseKeys, readText } from './keys-file.js';
import type { KeyEntry } from './types.js';

export interface FollowOptions {
  readonly file: string;
  readonly logger: Logger;
  readonly pollMs?: number;
  /** Called with the keys of the file at once, and again whenever they changed. */
  readonly apply: (entries: readonly KeyEntry[]) => void;
  /** Whether what applies is older than the file, because the file is broken or gone. */
  readonly stale: (isStale: boolean) => void;
}

/**
 * Follows a keys file: a change applies as a whole or, where anything is wrong with it, not at all; then what applied before goes
 * on, is logged once and counts as stale. At the start the file must be right, else this throws `keys_invalid`.
 */
export const followKeys = async (options: FollowOptions): Promise<Polling> => {
  const { logger, pollMs = 1000, apply, stale } = options;
  const file = resolve(options.file);
  let applied: string | undefined;
  let told = '';
  const refresh = async (): Promise<void> => {
    const text = await readText(file);
    if (text !== applied) {
      const entries = parseKeys(text, file);
      apply(entries);
      applied = text;
      logger.info({ file, keys: entries.map(({ id, name, roles }) => ({ id, name, roles })) }, 'keys applied');
    }
    told = '';
    stale(false);
  };
  await refresh();

  return pollEvery(pollMs, refresh, (error) => {
    stale(true);
    const problems = error instanceof WatchnextError ? error.problems : [{ path: file, message: String(error) }];
    const text = JSON.stringify(problems);
    if (text !== told) logger.error({ file, problems }, 'the keys cannot be read: those before go on');
    told = text;
  });
};
