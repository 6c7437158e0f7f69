import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';

/** An ONNX model. */
const copyOneNumber = 'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBcFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR';

/** A process that has used ONNX Runtime at its own log level before, as the demo does when it serves what it trained. */
const program = `
  import { InferenceSession } from 'onnxruntime-node';
  await (await InferenceSession.create(Buffer.from('${copyOneNumber}', 'base64'))).release();
  const { createScorerPool } = await import('./src/inference/index.js');
  const { createMetrics } = await import('./src/telemetry/index.js');
  const ignore = () => {};
  const logger = { debug: ignore, info: (_, message) => console.log(message), warn: ignore, error: ignore };
  const pool = await createScorerPool({ device: 'auto', workers: 1, logger, metrics: createMetrics() });
  await pool.close();
`;
const native = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const hasCuda = existsSync(join(native, 'bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so'));

(hasCuda ? test.skip : test)('without the CUDA library nothing but our own line says so', () => {
  const flags = ['--import', './test/typescript/register.js', '--disable-warning=ExperimentalWarning'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toBe('CUDA is not available here, models run on the CPU\n');
  expect(status).toBe(0);
});
