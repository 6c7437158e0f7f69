/** Frames of packages (tfjs's source maps point to tfjs-core/src) and of the compiler itself. */
const inside = /[\\/]node_modules[\\/]|[\\/]tfjs-[a-z-]+[\\/]|[\\/]training[\\/]compile[\\/]|\(?node:/;

/** The first line of the stack that belongs to the model: outside the packages and the compiler, as file:line. */
export function callerOf(error: Error | undefined): string {
  for (const line of (error?.stack ?? '').split('\n').slice(1)) {
    if (inside.test(line)) continue;
    const match = /(?:file:\/\/)?([^\s()]+:\d+):\d+\)?$/.exec(line);
    if (match?.[1] !== undefined) return match[1];
  }
  return 'an unknown line';
}

/** Runs with stack traces deep enough to see past tfjs into the model. */
export function withDeepStacks<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 64;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
