import { createServer } from 'node:net';
import { join } from 'node:path';
import { WatchnextError } from '../../src/errors.js';
import { listen } from '../../src/listen.js';
import { claimLock } from '../../training/stream/index.js';

/**
 * Before a demo clears its folder: refuses where another one plays there, whose models and log would go while it runs, and a
 * port that is taken, which otherwise would be said when all is trained. Answers what gives the folder back.
 */
export const claimDemo = async (folder: string, port: number): Promise<() => Promise<void>> => {
  const claim = await claimLock(join(folder, 'demo.lock'));
  if ('holder' in claim) {
    const message = `is used by the demo of process ${claim.holder.pid}`;
    throw new WatchnextError('settings_invalid', 'A demo runs here already.', {
      problems: [{ path: folder, message, hint: 'end that one first, with Ctrl-C where it runs' }],
    });
  }
  try {
    await requireFreePort(port);
    return claim.release;
  } catch (error) {
    await claim.release();
    throw error;
  }
};

const requireFreePort = async (port: number): Promise<void> => {
  const server = createServer();
  await listen(server, {
    ...{ host: '127.0.0.1', port, setting: '--port', failure: 'The demo cannot listen' },
    hints: {
      taken: 'stop the other process, or name another port: npm run demo -- --port 8081',
      other: 'check --port',
    },
    onRefused: () => undefined,
  });
  await new Promise((resolve) => server.close(resolve));
};
