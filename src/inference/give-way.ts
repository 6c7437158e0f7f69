import { getPriority, setPriority } from 'node:os';

const behindOthers = 10;

/** This thread runs behind others from now on; elsewhere than on Linux a priority is the whole process's, and nothing changes. */
export const giveWay = (): void => {
  // What gives way already is left as it is: only root may raise a priority again.
  if (process.platform === 'linux' && getPriority() < behindOthers) setPriority(behindOthers);
};
