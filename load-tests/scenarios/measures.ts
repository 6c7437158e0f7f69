import type { Phase } from '../generator/index.js';
import { median, round } from '../measure/index.js';
import type { Drive, Lab } from './lab.js';
import { countedPhases, warmUp } from './types.js';

/** Until the optimising compiler has seen everything; not counted. */
export const warmUpPhase = (lab: Lab, rate: number = lab.heldRate): Phase => ({
  name: warmUp,
  seconds: lab.options.quick ? 3 : 5,
  rate,
});

/** What every scenario measures: nothing may fail, whatever else it is after. */
export const failures = (drive: Drive): { readonly failed: number; readonly fallbacks: number } => ({
  failed: sum(drive, 'failed'),
  fallbacks: sum(drive, 'fallback'),
});

export const sum = (drive: Drive, outcome: 'ok' | 'fallback' | 'degraded' | 'refused' | 'failed'): number =>
  countedPhases(drive).reduce((total, { outcomes }) => total + outcomes[outcome], 0);

/** Memory of the service in the middle of the run, resident and its own, and the cores it used. */
export const use = ({ samples }: Drive): Readonly<Record<string, number>> => {
  const megabytes = (bytes: readonly (number | undefined)[]): number[] =>
    bytes.flatMap((each) => (each === undefined ? [] : [each / 2 ** 20]));
  const resident = megabytes(samples.map(({ rssBytes }) => rssBytes));
  const own = megabytes(samples.map(({ privateBytes }) => privateBytes));
  const cores = samples.flatMap((sample) => (sample.cores === undefined ? [] : [sample.cores]));
  return {
    ...(resident.length > 0 && { rssMb: round(median(resident), 1) }),
    ...(own.length > 0 && { privateMb: round(median(own), 1) }),
    ...(cores.length > 0 && { cores: round(median(cores), 2) }),
  };
};

/** Latencies of a phase as measures, each with this prefix. */
export const latencyMeasures = (drive: Drive, name: string, prefix = ''): Readonly<Record<string, number>> => {
  const { p50Ms, p99Ms } = drive.phase(name).latency;
  const key = (measure: string): string =>
    prefix === '' ? measure : prefix + measure.charAt(0).toUpperCase() + measure.slice(1);
  return { [key('p50Ms')]: p50Ms, [key('p99Ms')]: p99Ms };
};
