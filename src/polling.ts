export interface Polling {
  /** No more of it; resolves when what is under way is done. */
  close(): Promise<void>;
}

/** Does the work again and again, each time so long after it last ended; the first time too. Keeps no process alive by itself. */
export const pollEvery = (
  pollMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): Polling => {
  const stop = new AbortController();
  let polling: Promise<void> = Promise.resolve();
  const poll = (): void => {
    polling = work(stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) failed(error);
      })
      .then(() => {
        if (!stop.signal.aborted) timer = setTimeout(poll, pollMs).unref();
      });
  };
  let timer = setTimeout(poll, pollMs).unref();
  return {
    close: async () => {
      stop.abort();
      clearTimeout(timer);
      await polling;
    },
  };
};
