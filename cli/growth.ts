/** How much a sum has grown since it was last told, by name; what it began with counts too. */
export const createGrowth = (): ((name: string, sum: number) => number) => {
  const before = new Map<string, number>();
  return (name, sum) => {
    const growth = Math.max(0, sum - (before.get(name) ?? 0));
    before.set(name, sum);
    return growth;
  };
};
