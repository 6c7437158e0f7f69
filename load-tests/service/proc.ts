import { execFileSync } from 'node:child_process';
import { memoryOf, statField, type ProcessMemory } from '../../src/proc.js';

/** What Linux knows of a process; undefined elsewhere, or when it is gone. */
export interface ProcessUse extends ProcessMemory {
  /** User and system time so far, of all threads. */
  readonly cpuSeconds: number;
}

let ticks: number | undefined;
const ticksPerSecond = (): number => (ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })));

export const processUse = (pid: number): ProcessUse | undefined => {
  const memory = memoryOf(pid);
  if (memory === undefined) return undefined;
  const [user, system] = [Number(statField(pid, 14)), Number(statField(pid, 15))];
  return { ...memory, cpuSeconds: (user + system) / ticksPerSecond() };
};
