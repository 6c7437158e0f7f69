import { WatchnextError } from '../../src/errors.js';
import { kernels } from './kernels/index.js';
import { callerOf } from './location.js';

/** The error for a function that cannot be traced; `path` is the model's line, the caller's if left out. */
export function traceInvalid(message: string, hint?: string, path = callerOf(new Error())): WatchnextError {
  return new WatchnextError('trace_invalid', `${message} (${path})`, {
    problems: [{ path, message, ...(hint === undefined ? {} : { hint }) }],
  });
}

/** The error for a kernel, or a variant of one, without an ONNX form: names op, kernel and the model's line. */
export function kernelNotCovered(use: { kernel: string; op: string; at: string; variant?: string }): WatchnextError {
  const { kernel, op, at, variant } = use;
  const message =
    variant === undefined
      ? `tf.${op} needs the tfjs kernel ${kernel}, which cannot be compiled to ONNX`
      : `tf.${op} (kernel ${kernel}) cannot be compiled to ONNX ${variant}`;
  const hint = `Kernels that can be compiled: ${Object.keys(kernels).sort().join(', ')}.`;
  return new WatchnextError('kernel_not_covered', `${message} (${at})`, { problems: [{ path: at, message, hint }] });
}
