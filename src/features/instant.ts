import type { FieldValue } from './types.js';
import type { Zone } from './zone.js';

const date = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/;
const remembered = 10_000;

/**
 * Reads instants as ms since the epoch: numbers (or their text) are ms, other text is an ISO date or date-time, local to
 * `zone` unless it says otherwise. NaN where there is none. Texts are remembered: dates of a catalogue repeat.
 */
export function instantReader(zone: Zone): (value: FieldValue) => number {
  const known = new Map<string, number>();
  return (value) => {
    if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN;
    if (typeof value !== 'string') return Number.NaN;
    let time = known.get(value);
    if (time === undefined) {
      time = parse(value.trim(), zone);
      if (known.size >= remembered) known.clear();
      known.set(value, time);
    }
    return time;
  };
}

function parse(text: string, zone: Zone): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const match = date.exec(text);
  if (match === null) return Number.NaN;
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '0', offset] = match;
  const time =
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) +
    Number(`0.${fraction}`) * 1000;
  if (new Date(time).getUTCDate() !== Number(day)) return Number.NaN;
  if (offset === undefined) return localToUtc(time, zone);
  if (offset === 'Z') return time;
  const sign = offset.startsWith('-') ? -1 : 1;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3).replace(':', '') || '0');
  return time - sign * minutes * 60_000;
}

/** The instant at which the zone's clocks show this; guessed by the offset around it, corrected once. */
function localToUtc(local: number, zone: Zone): number {
  const guess = local - zone.offsetMs(local);
  return local - zone.offsetMs(guess);
}
