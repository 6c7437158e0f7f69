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
  let thread: Thread<VersionCalls> | undefined;
  // Started when it is asked something: one that cannot start is tried as often as it is needed, not in a tight loop.
  const running = (): Thread<VersionCalls> =>
    (thread ??= startThread(new URL('./versions-worker.js', import.meta.url), (error) => {
      logger.error({ err: error }, 'the thread that reads versions died and will be replaced');
      thread = undefined;
    }));
  return {
    list: () => running().call('list', directory),
    read: (ranker, version) => running().call('read', { directory, ranker, version }),
    activate: (ranker, version) => running().call('activate', { directory, ranker, version }),
    rollback: (ranker) => running().call('rollback', { directory, ranker }),
    close: async () => thread?.stop(),
  };
};
