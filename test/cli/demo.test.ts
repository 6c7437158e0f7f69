import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { demoCommand } from '../../cli/demo.js';
import { claimDemo } from '../../cli/demo/index.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-demo-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the folder of a demo', () => {
  test('is for one demo at a time, so that a second one does not take the log from under the first', async () => {
    const leave = await claimDemo(folder, 0);
    await expect(claimDemo(folder, 0)).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [{ path: folder, message: `is used by the demo of process ${process.pid}` }],
    });
    await leave();
    await (
      await claimDemo(folder, 0)
    )();
  });

  test('is left at once where the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      await expect(claimDemo(folder, port)).rejects.toMatchObject({
        code: 'settings_invalid',
        problems: [{ path: '--port', message: `port ${port} is taken on 127.0.0.1` }],
      });
      expect(await readdir(folder)).toEqual([]);
    } finally {
      other.close();
    }
  });
});

test('a demo whose service could not start says so before it trains, and asks for no flag that it does not take', async () => {
  const { WATCHNEXT_KAFKA_BROKERS: brokers, ...env } = process.env;
  process.env = env;
  try {
    await expect(demoCommand().parseAsync(['--log', 'kafka'], { from: 'user' })).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [
        { path: 'WATCHNEXT_KAFKA_BROKERS', message: 'is missing: log is kafka', hint: 'set it in the environment' },
      ],
    });
  } finally {
    if (brokers !== undefined) process.env.WATCHNEXT_KAFKA_BROKERS = brokers;
  }
});
