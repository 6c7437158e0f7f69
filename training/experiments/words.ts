import type { MetricRule } from '../../src/definition/index.js';

/** A number for people: four digits that count, thousands set apart. */
export const amount = (value: number): string => {
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(2);
  const digits = Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value) || 1))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 1000 ? 0 : digits });
};

/** 0.0312 as "3.1 %": one digit after the point, more for what would be 0. */
export const percent = (value: number): string => `${percentDigits(value)} %`;
export const percentDigits = (value: number): string => {
  const size = Math.abs(100 * value);
  const digits = size === 0 || size >= 0.95 ? 1 : Math.min(4, Math.ceil(-Math.log10(size)) + 1);
  const text = (100 * value).toFixed(digits);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text;
};

export const signed = (text: string): string => (text.startsWith('-') ? `−${text.slice(1)}` : `+${text}`);
export const minus = (text: string): string => text.replaceAll('-', '−');

/** "1.2 to 5.0"; what is unbounded in words. */
export const range = ([low, high]: readonly [number, number], show: (value: number) => string): string =>
  Number.isFinite(low) && Number.isFinite(high) ? `${minus(show(low))} to ${minus(show(high))}` : 'anything';

/** A p-value: 0.034, or "< 0.001". */
export const probability = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));

const pers = { user: 'per user', request: 'per list', impression: 'per shown item', event: '' } as const;

/** What a metric is called in a sentence: "watch time per user". */
export const metricName = ({ name, per }: Pick<MetricRule, 'name' | 'per'>): string =>
  `${name.replaceAll('_', ' ')} ${/_per_/.test(name) ? '' : pers[per]}`.trim();

/** 0.95 as "95 %". */
export const level = (value: number): string => `${Number((100 * value).toFixed(4))} %`;

/** 0.4 days as "10 hours". */
export const span = (days: number): string => {
  const [value, unit] =
    days >= 1.5 ? [days, 'day'] : days * 24 >= 1.5 ? [days * 24, 'hour'] : [Math.max(1, days * 1440), 'minute'];
  const rounded = Math.ceil(value - 0.05);
  return `${rounded.toLocaleString('en-US')} ${unit}${rounded === 1 ? '' : 's'}`;
};

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');
export const instant = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');
