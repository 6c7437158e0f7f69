/**
 * How long the processor has worked for this process so far, in milliseconds, all of its threads: what else the machine does
 * meanwhile does not count.
 */
export const cpuTimeMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
