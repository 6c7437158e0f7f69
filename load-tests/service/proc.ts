import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

/** What Linux knows of a process; undefined elsewhere, or when it is gone. */
export interface ProcessUse {
  readonly rssBytes: number;
  /** Resident without pages of files, which the system takes back when it needs them: the event log's are such. */
  readonly privateBytes: number;
  /** User and system time so far, of all threads. */
  readonly cpuSeconds: number;
}

let ticks: number | undefined;
const ticksPerSecond = (): number => (ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })));

export const processUse = (pid: number): ProcessUse | undefined => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
    const [rssKb, privateKb] = [of('VmRSS'), of('RssAnon')];
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in brackets that may hold anything; 14 and 15 are user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond();
    if (!Number.isFinite(rssKb + privateKb)) return undefined;
    return { rssBytes: rssKb * 1024, privateBytes: privateKb * 1024, cpuSeconds };
  } catch {
    return undefined;
  }
};
