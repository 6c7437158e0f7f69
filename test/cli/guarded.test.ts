import { describe, expect, test } from '@jest/globals';
import { startGuardedServer, type GuardedServer } from '../../cli/guarded.js';

const start = (script: string): Promise<GuardedServer> =>
  startGuardedServer({
    name: 'the server',
    command: ['sh', '-c', script],
    ready: /^ready$/,
    startTimeoutMs: 50_000,
    stopTimeoutMs: 50_000,
    onStopped: () => Promise.resolve(),
  });

describe('a guarded server', () => {
  test('is stopped by its process id, however soon it begins to speak', async () => {
    for (let round = 0; round < 20; round++) {
      const server = await start('echo first words; echo ready; exec sleep 60');
      expect(server.pid()).toBeGreaterThan(1);
      await server.stop();
      expect(() => process.kill(server.pid(), 0)).toThrow('ESRCH');
    }
  });

  test('that ends before it is ready is told with its last words', async () => {
    await expect(start('echo no such file; exit 3')).rejects.toMatchObject({
      message: 'the server ended before it was ready',
      problems: [{ message: 'no such file' }],
    });
  });
});
