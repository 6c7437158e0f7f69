import { expect, test } from '@jest/globals';
import { runJoin } from '../../src/join/index.js';
import { memoryLog } from './memory-log.js';
import { ranker } from './world.js';

test.each(['examples', 'dead-letters'] as const)(
  'joining says what to do where the topic %s has fewer partitions than events',
  async (narrow) => {
    const log = memoryLog(4);
    const partitions: typeof log.partitions = (topic) => Promise.resolve(topic === narrow ? 2 : 4);
    const joining = runJoin({
      log: { ...log, partitions },
      definition: ranker({}),
      directory: '/nonexistent',
      checkpointMs: 1000,
      signal: AbortSignal.timeout(50_000),
    });
    await expect(joining).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [{ path: narrow, message: 'has 2', hint: 'give it as many partitions as the topic events has' }],
    });
  },
);
