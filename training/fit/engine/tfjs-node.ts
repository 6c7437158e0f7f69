import util from 'node:util';
import { WatchnextError } from '../../../src/errors.js';
import type { Engine, EngineOptions } from '../types.js';
import { createEagerEngine } from './eager.js';

/** The optional package, or why it cannot be used here. */
export type TfjsNode = { readonly backend: string } | { readonly reason: string };

const packageName = '@tensorflow/tfjs-node';

/** Loads the optional package; it registers its backend with tfjs. Never throws. */
export const loadTfjsNode = async (): Promise<TfjsNode> => {
  // Removed in Node 23; the package still calls it.
  const legacy = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  try {
    await import(packageName);
    return { backend: 'tensorflow' };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
};

/**
 * The same functions run operation by operation on TensorFlow's C library, through the optional @tensorflow/tfjs-node.
 * Calls run in the caller's thread.
 */
export const createTfjsNodeEngine = async (options: EngineOptions): Promise<Engine> => {
  const loaded = await loadTfjsNode();
  if ('reason' in loaded) {
    throw new WatchnextError('device_unavailable', `The tfjs-node engine cannot be used here: ${loaded.reason}.`, {
      problems: [
        {
          path: 'engine',
          message: loaded.reason,
          hint: `npm install --no-save ${packageName} && npm rebuild --ignore-scripts=false ${packageName} where its download is allowed; or use the onnx engine, which needs nothing more`,
        },
      ],
    });
  }
  return createEagerEngine('tfjs-node', loaded.backend, options);
};

/**
 * Two ways of not being there: not installed (its install step failed and npm left it out), or installed without its
 * native part (npm did not run its install step), an error that has no code.
 */
export const reasonOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return `${packageName} is not installed`;
  if (message?.includes('tfjs_binding') === true) {
    return `${packageName} is installed without its native library (its install step was not run)`;
  }
  return `${packageName} failed to load: ${(message ?? String(error)).split('\n')[0] ?? ''}`;
};
