/** Transitions of every zone in use since 1972 fall on whole quarters of an hour. */
const quarterMs = 15 * 60_000;
const remembered = 100_000;

/** Local time in an IANA zone, quick enough to ask per row: Intl is asked once per quarter of an hour. */
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
  const zone = createZone(timezone);
  zones.set(timezone, zone);
  return zone;
}

function createZone(timezone: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
  });
  const ask = (time: number): number => {
    const part: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(time)) part[type] = value;
    const year = part['era'] === 'BC' ? 1 - Number(part['year']) : Number(part['year']);
    const local = new Date(0);
    local.setUTCFullYear(year, Number(part['month']) - 1, Number(part['day']));
    local.setUTCHours(Number(part['hour']), Number(part['minute']), Number(part['second']));
    return local.getTime() - Math.floor(time / 1000) * 1000;
  };

  const fixed = timezone === 'UTC';
  const offsets = new Map<number, number>();
  let lastQuarter = Number.NaN;
  let lastOffset = 0;
  const offsetMs = (time: number): number => {
    if (fixed) return 0;
    const quarter = Math.floor(time / quarterMs);
    if (quarter === lastQuarter) return lastOffset;
    let offset = offsets.get(quarter);
    if (offset === undefined) {
      offset = ask(quarter * quarterMs);
      if (offsets.size >= remembered) offsets.clear();
      offsets.set(quarter, offset);
    }
    lastQuarter = quarter;
    lastOffset = offset;
    return offset;
  };

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
