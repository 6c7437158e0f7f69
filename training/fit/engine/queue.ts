/** Runs tasks one after the other in the order they were given; a task that fails does not stop the next. */
export const createQueue = (): (<T>(task: () => T | Promise<T>) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
};
