import { readFileSync } from 'node:fs';

/** What of a process lies in memory, and how much of it is its own: no page of a file, which the system takes back at need. */
export interface ProcessMemory {
  readonly rssBytes: number;
  readonly privateBytes: number;
}

/** As Linux tells; undefined elsewhere, and of a process that is gone. */
export const memoryOf = (pid: number): ProcessMemory | undefined => {
  const status = readProcess(pid, 'status');
  const bytesOf = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  const [rssBytes, privateBytes] = [bytesOf('VmRSS'), bytesOf('RssAnon')];
  return Number.isFinite(rssBytes + privateBytes) ? { rssBytes, privateBytes } : undefined;
};

/**
 * Field `number` of what Linux tells of a process in one line, as proc(5) counts them, from 3 on; undefined elsewhere, and
 * of a process that is gone. The second one, the program's name, may hold anything and ends with the last ")".
 */
export const statField = (pid: number, number: number): string | undefined => {
  const stat = readProcess(pid, 'stat');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[number - 3];
};

const readProcess = (pid: number, file: 'stat' | 'status'): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
};
