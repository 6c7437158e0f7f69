/**
 * Calls once if the signal aborts, and answers how to stop listening: whoever no longer waits must. A listener that is left
 * on the signal of a request keeps what it refers to through collections of the young generation, until all of the heap is
 * collected, though nobody refers to the request: the numbers of every ranking stayed for seconds, 150 kB each, and had all of
 * the heap marked every 5 s.
 */
export const onAbort = (signal: AbortSignal | undefined, call: () => void): (() => void) => {
  signal?.addEventListener('abort', call, { once: true });
  return () => signal?.removeEventListener('abort', call);
};
