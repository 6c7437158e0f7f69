import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** Runs the command, then has a thread open ONNX Runtime, as scoring threads do. */
const script = `
  process.argv = [process.argv[0], 'program', '--help'];
  await import('./cli/main.js');
  const { Worker } = await import('node:worker_threads');
  const thread = "import('onnxruntime-node').then(({ default: { InferenceSession } }) => InferenceSession.create(Buffer.from('x'))).catch(() => {})";
  await new Promise((resolve) => new Worker(thread, { eval: true }).on('exit', resolve));
  console.log('a thread opened it');
  process.exit(0);
`;

test('the command keeps ONNX Runtime, in any thread, from keeping an id of the device for its maker', async () => {
  const home = await mkdtemp(join(tmpdir(), 'watchnext-home-'));
  try {
    const env: NodeJS.ProcessEnv = { ...process.env, HOME: home };
    delete env['ORT_DISABLE_TELEMETRY'];
    delete env['XDG_CACHE_HOME'];
    const flags = ['--import', './test/typescript/register.js', '--disable-warning=ExperimentalWarning'];
    const ran = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
      encoding: 'utf8',
      env,
    });
    expect(ran.stdout).toContain('a thread opened it');
    expect(await readdir(home, { recursive: true })).not.toContainEqual(expect.stringContaining('onnxruntime'));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
