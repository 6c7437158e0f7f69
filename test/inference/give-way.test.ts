import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const program = `
  const { getPriority } = await import('node:os');
  const { giveWay } = await import('./src/inference/give-way.ts');
  giveWay();
  console.log(getPriority());`;

/** The priority in the end of a process that begins with this one, as a user who may not raise it. */
const after = (nice: number): string => {
  const node = [process.execPath, '--import', './test/typescript/register.js', '--input-type=module', '-e', program];
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  return spawnSync('nice', ['-n', String(nice), ...node], { encoding: 'utf8', timeout: 60_000, ...user }).stdout.trim();
};

(process.platform === 'linux' ? test : test.skip)('who gives way does so also where the whole service does', () => {
  // What runs the tests may have a priority of its own already, which adds up.
  expect(Number(after(0))).toBeGreaterThanOrEqual(10);
  expect(Number(after(15))).toBeGreaterThanOrEqual(15);
});
