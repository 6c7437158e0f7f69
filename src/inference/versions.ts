import type { Logger } from '../telemetry/index.js';
import type { VersionSource } from './rankers.js';
import { startThread, type Thread } from './thread.js';
import type { VersionCalls, VersionContent } from './versions-worker.js';

/** The sealed versions of a models folder, read in a thread of their own. */
export interface Versions extends VersionSource {
  /** Rejects with artifact_missing or artifact_damaged and the reason. */
  read(ranker: string, version: string): Promise<VersionContent>;
  close(): Promise<void>;
}

export const openVersions = (directory: string, logger: Logger): Versions => {
  const start = (): Thread<VersionCalls> =>
    startThread(new URL('./versions-worker.js', import.meta.url), (error) => {
      logger.error({ err: error }, 'the thread that reads versions died and is replaced');
      thread = start();
    });
  let thread = start();
  return {
    list: () => thread.call('list', directory),
    read: (ranker, version) => thread.call('read', { directory, ranker, version }),
    activate: (ranker, version) => thread.call('activate', { directory, ranker, version }),
    rollback: (ranker) => thread.call('rollback', { directory, ranker }),
    close: () => thread.stop(),
  };
};
