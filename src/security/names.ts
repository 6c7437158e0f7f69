/** Names of keys as labels of metrics: few, whatever the keys file holds. */
export interface KeyNames {
  label(name: string): string;
  /** Of requests without a key that counts. */
  readonly nobody: string;
}

const mostNames = 20;

/** The first twenty names that are used have their own series, later ones share `other`. */
export const createNames = (): KeyNames => {
  const known = new Set<string>();
  return {
    nobody: '',
    label: (name) => {
      if (name === '' || known.has(name)) return name;
      if (known.size >= mostNames) return 'other';
      known.add(name);
      return name;
    },
  };
};
