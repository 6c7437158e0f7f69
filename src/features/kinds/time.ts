import type { Feature, FeatureKind } from '../feature.js';
import { fieldReader, isMissing } from '../fields.js';
import { logarithm, standardEncoder, standardFitter } from '../fitting/standardise.js';
import { instantReader } from '../instant.js';
import { oneHot } from '../one-hot.js';
import { zoneOf, type Zone } from '../zone.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Hour of day (24 columns) or day of week (7, Monday first) of the request in a time zone, one-hot; or age: days from a
 * field's time to the request, log1p, standardised. An age from the future is 0 and counted; a missing one is the mean.
 */
export const time: FeatureKind<'time'> = ({ name, scope, definition }): Feature => {
  const zone = zoneOf(definition.timezone);
  if (definition.unit !== 'age') {
    const columns = definition.unit === 'hour_of_day' ? 24 : 7;
    const index = definition.unit === 'hour_of_day' ? hourOfDay : dayOfWeek;
    return {
      type: 'numbers',
      width: 1,
      reader: () => (entry, out, at) => {
        out[at] = index(entry.time, zone);
      },
      encodedWidth: columns,
      encoder: () => oneHot(columns),
    };
  }
  const read = fieldReader(scope, definition.from ?? name);
  return {
    type: 'numbers',
    width: 1,
    reader({ counter }) {
      const instant = instantReader(zone);
      return (entry, out, at) => {
        const value = read(entry);
        const days = (entry.time - instant(value)) / dayMs;
        if (Number.isNaN(days)) counter[isMissing(value) ? 'missing' : 'unknown']++;
        else if (days < 0) counter.outOfRange++;
        out[at] = days < 0 ? 0 : days;
      };
    },
    encodedWidth: 1,
    fitter: () => standardFitter(logarithm),
    encoder: (fit) => standardEncoder(fit, logarithm, undefined),
  };
};

function hourOfDay(instant: number, zone: Zone): number {
  return Math.floor(modulo(instant + zone.offsetMs(instant), dayMs) / hourMs);
}

/** 1 January 1970 was a Thursday: day 3 counted from Monday. */
function dayOfWeek(instant: number, zone: Zone): number {
  return modulo(Math.floor((instant + zone.offsetMs(instant)) / dayMs) + 3, 7);
}

const modulo = (value: number, divisor: number): number => ((value % divisor) + divisor) % divisor;
