import { afterEach, expect, test } from '@jest/globals';
import { flagsOf, pythonWith, servingPeers } from '../../bench/peers/python.js';

const before = process.env['PEERS_PYTHON'];
afterEach(() => {
  if (before === undefined) delete process.env['PEERS_PYTHON'];
  else process.env['PEERS_PYTHON'] = before;
});

test('a Python that is named and lacks a package is not used, and it is said what it lacks', async () => {
  process.env['PEERS_PYTHON'] = '/nowhere/python';
  expect(await pythonWith({ name: 'test', packages: ['orjson==1.2.3', 'numpy'] })).toEqual({
    reason: 'PEERS_PYTHON (/nowhere/python) lacks one of orjson==1.2.3, numpy',
  });
});

test('what peers of the service are measured with is pinned', () => {
  for (const name of servingPeers.packages) expect(name).toMatch(/^[a-z]+==\d+(\.\d+)+$/);
});

test('options become flags', () => {
  expect(flagsOf({ app: 'lean', threads: 2, sizes: [1, 2] })).toEqual([
    ...['--app', 'lean', '--threads', '2', '--sizes', '1', '2'],
  ]);
});
