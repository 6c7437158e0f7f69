/**
 * A process of its own for the test of damaged logs, because LMDB may end it. For each folder that it is given it says on one
 * line how reading the log there went: `read <records> <damaged>`, or `refused <code>`.
 */
import { verifyTopic } from '../../cli/log/verify.js';
import { WatchnextError } from '../../src/errors.js';
import { openEmbeddedLog } from '../../src/events/index.js';

for (const directory of process.argv.slice(2)) {
  let said: string;
  try {
    const log = await openEmbeddedLog({ directory });
    try {
      const { records, damaged } = await verifyTopic(log, 'events');
      said = `read ${records} ${damaged}`;
    } finally {
      await log.close();
    }
  } catch (error) {
    said = error instanceof WatchnextError ? `refused ${error.code}` : `failed ${String(error)}`;
  }
  process.stdout.write(`${said}\n`);
}
