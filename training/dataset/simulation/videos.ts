import { topics } from './people.js';
import { randomOf } from './random.js';

export interface Video {
  readonly id: string;
  readonly index: number;
  readonly author: string;
  readonly topic: (typeof topics)[number];
  /** [topics] what it is about; hidden, its noisy image is `look`. */
  readonly content: readonly number[];
  /** [topics] what can be seen of the content without watching. */
  readonly look: readonly number[];
  readonly tags: readonly string[];
  /** Hidden, as clickbait is: standard normal over videos. */
  readonly quality: number;
  readonly clickbait: number;
  readonly durationSeconds: number;
  readonly uploadedAt: number;
}

/** How many days of uploads there are when day 0 begins. */
export const catalogueDays = 7;
const dayMs = 86_400_000;

/** The author's habits explain half of a video's quality and clickbait; neither says much of the other. */
export const habits = (seed: number, author: number): { topic: number; quality: number; clickbait: number } => {
  const random = randomOf(seed, 'author', author);
  return { topic: random.below(topics.length), quality: random.normal(), clickbait: random.normal() };
};

/** Videos of one day, uploaded through the day; day -1 and earlier make the first catalogue. */
export const createVideos = (
  seed: number,
  { day, startMs, perDay, authors }: { day: number; startMs: number; perDay: number; authors: number },
): Video[] =>
  Array.from({ length: perDay }, (_, index) => {
    const random = randomOf(seed, 'video', day, index);
    const author = random.below(authors);
    const { topic: own, quality, clickbait } = habits(seed, author);
    const topic = random.chance(0.75) ? own : random.below(topics.length);
    const second = random.below(topics.length);
    const raw = topics.map((_, k) => (k === topic ? 1 : 0) + (k === second ? 0.45 : 0) + 0.12 * random.normal());
    const length = Math.hypot(...raw);
    const content = raw.map((x) => x / length);
    return {
      id: `v${(day + catalogueDays) * perDay + index}`,
      index,
      author: `a${author}`,
      topic: topics[topic] ?? 'music',
      content,
      // Adding 0 turns -0, which no CSV file can hold, into 0.
      look: content.map((x) => Math.round((x + 0.15 * random.normal()) * 1000) / 1000 + 0),
      tags: [...new Set([topic, second])].map((k) => topics[k] ?? 'music'),
      quality: Math.SQRT1_2 * (quality + random.normal()),
      clickbait: Math.SQRT1_2 * (clickbait + random.normal()),
      durationSeconds: Math.round(Math.min(900, Math.max(8, Math.exp(4.2 + 0.8 * random.normal())))),
      uploadedAt: startMs + Math.floor((day + random.uniform()) * dayMs),
    };
  });
