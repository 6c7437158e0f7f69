/** Makes a value when it is first asked for, once: for what costs more than loading the module that has it. */
export const lazily = <T extends object>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => (made ??= make());
};
