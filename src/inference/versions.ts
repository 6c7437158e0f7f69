import type { Logger } from '../telemetry/index.js';
import type { AdvanceOptions, Place, Update } from './chains.js';
import type { VersionSource } from './rankers.js';
import { startThread, type Thread } from './thread.js';
import type { VersionCalls, VersionContent } from './versions-worker.js';

/** The versions of a models folder, read and brought up to date in a thread of their own. */
export interface Versions extends VersionSource {
  /** `<version>` or `<version>+<n>`. Rejects with artifact_missing or artifact_damaged and the reason. */
  read(ranker: string, version: string): Promise<VersionContent>;
  /** What serves once the deltas that wait are applied; undefined if none waits. Rejects with the reason if one must not. */
  advance(options: AdvanceOptions): Promise<Update | undefined>;
  /** To be called when nobody reads the tables of what was read, or of an update, any more. */
  release(place: Place): Promise<void>;
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
    list: () => running().call('list', { directory }),
    read: (ranker, version) => running().call('read', { directory, ranker, version }),
    advance: (options) => running().call('advance', { directory, ...options }),
    // A thread that died has forgotten the tables already.
    release: async (place) => thread?.call('release', { directory, place }).catch(() => undefined),
    activate: (ranker, version) => running().call('activate', { directory, ranker, version }),
    rollback: (ranker) => running().call('rollback', { directory, ranker }),
    close: async () => thread?.stop(),
  };
};
