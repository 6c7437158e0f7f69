import { expect } from '@jest/globals';
import { streamSettings } from '../../src/definition/index.js';
import type { DeadLetter } from '../../src/events/index.js';
import { openJoinedStream, type JoinedExample } from '../../src/join/index.js';
import { appendMarkers } from '../stream/markers.js';
import { until } from '../until.js';
import type { Promised } from './client.js';
import type { LogPlace } from './place.js';
import { definition } from './sealed.js';

/** Holds the log against what clients were promised: nothing is missing, nothing counts twice. Answers of how many lists the impression is missing. */
export const checkPromises = async (
  place: LogPlace,
  folder: string,
  promised: ReadonlyMap<string, Promised>,
): Promise<number> => {
  const end = await letTimePass(place, folder);
  const { examples, letters } = await joined(place, folder, end);
  const ofRequest = new Map(examples.map((example) => [example.requestId, example]));
  expect(examples).toHaveLength(ofRequest.size);
  const orphans = [...promised.values()].filter(({ requestId }) => !ofRequest.has(requestId));
  for (const { requestId, seconds } of promised.values()) {
    const example = ofRequest.get(requestId);
    if (example === undefined) continue;
    const [clicks, watched] = [0, 1].map((task) => [...example.labels].filter((_, at) => at % 2 === task));
    expect({ requestId, clicks: clicks?.filter((label) => label === 1).length }).toEqual({ requestId, clicks: 1 });
    expect({ requestId, watched: watched?.filter((label) => !Number.isNaN(label)) }).toEqual({
      requestId,
      watched: [seconds],
    });
  }
  expect(letters.length).toBeGreaterThanOrEqual(2 * orphans.length);
  return orphans.length;
};

let hoursAhead = 0;
/** Markers far ahead, further each time, so that no list waits for more feedback; answers their time. */
const letTimePass = async (place: LogPlace, folder: string): Promise<number> => {
  const log = await place.open(folder, ['events']);
  hoursAhead += 1;
  const time = Date.now() + 3_600_000 * hoursAhead;
  await appendMarkers(log, time);
  await log.close();
  return time;
};

/** All that the log says until its markers. */
const joined = async (
  place: LogPlace,
  folder: string,
  end: number,
): Promise<{ examples: JoinedExample[]; letters: DeadLetter[] }> => {
  const log = await place.open(folder);
  const letters: DeadLetter[] = [];
  const stream = await openJoinedStream({ log, definition, onDeadLetter: (letter) => void letters.push(letter) });
  const examples: JoinedExample[] = [];
  const { outOfOrderMs } = streamSettings(definition);
  await until(
    async () => {
      const part = await stream.next({ most: 1000, waitMs: 50 });
      examples.push(...part.examples);
      return part.watermark >= end - outOfOrderMs;
    },
    { timeoutMs: 60_000 },
  );
  await stream.close();
  await log.close();
  return { examples, letters };
};
