/**
 * A resource with users: taken out of service at once, closed only when the last user is done. What hot swap needs,
 * because a session that is released while runs are queued rejects them.
 */
export interface Lease<T> {
  readonly resource: T;
  use<R>(work: (resource: T) => Promise<R>): Promise<R>;
  /** Resolves when nobody uses the resource any more and it is closed. Call once, after the last `use` began. */
  retire(): Promise<void>;
}

export const createLease = <T extends { close(): Promise<void> }>(resource: T): Lease<T> => {
  let users = 0;
  let idle: (() => void) | undefined;
  return {
    resource,
    use: async (work) => {
      users++;
      try {
        return await work(resource);
      } finally {
        users--;
        if (users === 0) idle?.();
      }
    },
    retire: async () => {
      if (users > 0) await new Promise<void>((resolve) => (idle = resolve));
      await resource.close();
    },
  };
};
