import type { NewRecord } from '../events/index.js';
import { encodeJoined } from './joined-codec.js';
import type { Joined, JoinedEntry } from './types.js';

/** A record stays well below what brokers take (about one megabyte). */
const mostBytes = 256 * 1024;
/** About what an outcome takes. */
const outcomeBytes = 128;

/**
 * What was joined of one partition, as records of `examples`. All but the last say the watermark of before, as more below
 * the new one follows. Nothing new: none.
 */
export function entriesOf(
  joined: Joined,
  about: Omit<JoinedEntry, keyof Joined> & { readonly before: { readonly watermark: number; readonly from: number } },
): NewRecord[] {
  const { watermark } = joined;
  const [outcomes, examples] = [[...joined.outcomes], [...joined.examples]];
  const { ranker, partition, before } = about;
  if (watermark === before.watermark && outcomes.length + examples.length === 0) return [];
  const entries: JoinedEntry[] = [];
  let [outcome, example] = [0, 0];
  do {
    const begin = { outcome, example };
    let bytes = 0;
    while (outcome < outcomes.length && bytes < mostBytes) {
      outcome++;
      bytes += outcomeBytes;
    }
    while (example < examples.length && bytes < mostBytes) bytes += examples[example++]?.features.length ?? 0;
    const isLast = outcome === outcomes.length && example === examples.length;
    entries.push({
      ranker,
      partition,
      firstOutcome: about.firstOutcome + begin.outcome,
      outcomes: outcomes.slice(begin.outcome, outcome),
      examples: examples.slice(begin.example, example),
      watermark: isLast ? watermark : before.watermark,
      from: isLast ? about.from : before.from,
    });
  } while (outcome < outcomes.length || example < examples.length);
  const time = Number.isFinite(watermark) ? watermark : 0;
  return entries.map((entry) => ({ partition, time, value: encodeJoined(entry) }));
}
