import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '../../src/events/index.js';
import { eventLogContract } from '../contract/event-log.js';

eventLogContract('embedded', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'watchnext-log-'));
  const log = await openEmbeddedLog({ directory });
  return {
    log,
    another: () => openEmbeddedLog({ directory }),
    dispose: async () => {
      await log.close();
      rmSync(directory, { recursive: true });
    },
  };
});
