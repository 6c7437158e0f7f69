const dayMs = 86_400_000;
/** Days whose offsets are asked for one by one; before and after them a zone keeps the offset of the first and the last. */
const firstDay = Date.UTC(1900, 0, 1) / dayMs;
const lastDay = Date.UTC(2100, 0, 1) / dayMs;

/**
 * Local time in an IANA zone, quick enough to ask per row. Intl takes 5 to 50 µs an answer, so it is asked once per day and
 * a few times more where a day's ends differ: whatever times are asked for, that is under 80,000 questions in all.
 */
export interface Zone {
  /** Local minus UTC at an instant, in ms. */
  offsetMs(time: number): number;
  /** The next local multiple of `periodMs` strictly after an instant: for 1d the next local midnight. */
  nextMultiple(time: number, periodMs: number): number;
}

/** Zones never differ and remember what they asked, so there is one of each. */
const zones = new Map<string, Zone>();

/** Throws RangeError for a name that is not a zone. */
export function zoneOf(timezone = 'UTC'): Zone {
  const known = zones.get(timezone);
  if (known !== undefined) return known;
  const zone = createZone(timezone === 'UTC' ? () => 0 : rememberDays(askIntl(timezone)));
  zones.set(timezone, zone);
  return zone;
}

function createZone(offsetMs: (time: number) => number): Zone {
  const nextMultiple = (time: number, periodMs: number): number => {
    const before = offsetMs(time);
    const local = (Math.floor((time + before) / periodMs) + 1) * periodMs;
    const instant = local - before;
    const after = offsetMs(instant);
    if (after === before) return instant;
    // The clock changes in between: a local time that exists twice means its second pass, one that is skipped means the change.
    const corrected = local - after;
    return offsetMs(corrected) === after ? corrected : instant;
  };
  return { offsetMs, nextMultiple };
}

/** The offset at an instant, from what clocks of the zone show. */
function askIntl(timezone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const part: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(time)) part[type] = value;
    const date = Date.UTC(Number(part['year']), Number(part['month']) - 1, Number(part['day']));
    const clock = (Number(part['hour']) * 60 + Number(part['minute'])) * 60 + Number(part['second']);
    return date + clock * 1000 - Math.floor(time / 1000) * 1000;
  };
}

/** Answers what `ask` would, from one question per day: clocks of a zone change once a day at most. */
export function rememberDays(ask: (time: number) => number): (time: number) => number {
  /** Offset at the beginning of each day, NaN where it was not asked yet. */
  const beginnings = new Float64Array(lastDay - firstDay + 1).fill(Number.NaN);
  const changes = new Map<number, number>();
  const beginning = (day: number): number => {
    const known = beginnings[day - firstDay] ?? Number.NaN;
    if (!Number.isNaN(known)) return known;
    return (beginnings[day - firstDay] = ask(day * dayMs));
  };
  /** The first instant of the day that has the next day's offset. */
  const changeIn = (day: number): number => {
    let change = changes.get(day);
    if (change === undefined) {
      const old = beginning(day);
      let [low, high] = [day * dayMs, (day + 1) * dayMs];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (ask(middle) === old) low = middle;
        else high = middle;
      }
      changes.set(day, (change = high));
    }
    return change;
  };
  // Rows that follow each other mostly share a day.
  let [from, until, offset] = [0, 0, 0];
  return (time) => {
    if (time >= from && time < until) return offset;
    if (!Number.isFinite(time)) throw new RangeError('no clock shows a time that is not finite');
    const day = Math.min(lastDay - 1, Math.max(firstDay, Math.floor(time / dayMs)));
    [from, until, offset] = [day * dayMs, (day + 1) * dayMs, beginning(day)];
    const next = beginning(day + 1);
    if (next !== offset) {
      const change = changeIn(day);
      if (time < change) until = change;
      else [from, offset] = [change, next];
    }
    return offset;
  };
}
