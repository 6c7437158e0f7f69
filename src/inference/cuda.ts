import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const fileNames: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime_providers_cuda.so',
  win32: 'onnxruntime_providers_cuda.dll',
};

/**
 * Throws unless ONNX Runtime's CUDA library is installed: it is looked for beside the runtime's own library and nowhere
 * else. Asked first, because a session that lacks it prints a native error, at a level that whoever used the runtime first
 * in this process has set.
 */
export const requireCudaLibrary = (): void => {
  const fileName = fileNames[process.platform];
  if (fileName === undefined) throw new Error(`CUDA does not exist on ${process.platform}`);
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const folders = readdirSync(join(root, 'bin')).map((api) => join(root, 'bin', api, process.platform, process.arch));
  if (!folders.some((folder) => existsSync(join(folder, fileName)))) throw new Error(`${fileName} is not installed`);
};
