import { readFileSync, readlinkSync } from 'node:fs';
import { statField } from '../../proc.js';

/** A process, named so that another one with the same number is not taken for it. */
export interface Holder {
  readonly pid: number;
  /** When it started, in the kernel's ticks; empty where the system does not tell. */
  readonly start: string;
  /** What its number is valid in: a boot of the machine and a container on it. */
  readonly realm: string;
}

export const thisProcess: Holder = { pid: process.pid, start: startOf(process.pid), realm: realm() };

export const isThisProcess = ({ pid, start, realm }: Holder): boolean =>
  pid === thisProcess.pid && start === thisProcess.start && realm === thisProcess.realm;

/** Whether the process still runs. Of another realm none does: a folder is not shared between containers or machines. */
export function lives(holder: Holder): boolean {
  if (holder.realm !== thisProcess.realm) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return holder.start === startOf(holder.pid);
}

/** When it began. */
function startOf(pid: number): string {
  return statField(pid, 22) ?? '';
}

function realm(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}
