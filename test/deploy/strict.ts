/**
 * Paths of a value that a check never looked at: generated validators read every property that they know and pass over the
 * rest, so what was not read is unknown to them, a misspelt name most likely. `check` must read the value that it is given.
 */
export const unread = (value: object, check: (watched: object) => void): string[] => {
  const left = new Set<string>();
  const watch = (inner: object, path: string): object => {
    for (const key of Object.keys(inner)) left.add(`${path}/${key}`);
    const proxies = new Map<string, unknown>();
    return new Proxy(inner, {
      get: (target, key, receiver) => {
        const found: unknown = Reflect.get(target, key, receiver);
        if (typeof key !== 'string') return found;
        left.delete(`${path}/${key}`);
        if (typeof found !== 'object' || found === null) return found;
        if (!proxies.has(key)) proxies.set(key, watch(found, `${path}/${key}`));
        return proxies.get(key);
      },
    });
  };
  check(watch(value, ''));
  // What lies in something unknown is unknown with it.
  return [...left].filter((path) => ![...left].some((other) => path.startsWith(`${other}/`)));
};
