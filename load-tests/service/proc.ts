import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

/** What Linux knows of a process; undefined elsewhere, or when it is gone. */
export interface ProcessUse {
  readonly rssBytes: number;
  /** User and system time so far, of all threads. */
  readonly cpuSeconds: number;
}

let ticks: number | undefined;
const ticksPerSecond = (): number => (ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })));

export const processUse = (pid: number): ProcessUse | undefined => {
  try {
    const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in brackets that may hold anything; 14 and 15 are user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond();
    return Number.isFinite(rssKb) ? { rssBytes: rssKb * 1024, cpuSeconds } : undefined;
  } catch {
    return undefined;
  }
};
