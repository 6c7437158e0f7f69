import { devices, type Device } from './law.js';
import { randomOf, type Random } from './random.js';

/** Topics of the platform; interests and contents are vectors over them. */
export const topics = ['music', 'games', 'cooking', 'news', 'sports', 'science', 'travel', 'comedy'] as const;
const ageGroups = ['under_20', '20_to_34', '35_to_54', 'over_54'] as const;

export interface Person {
  readonly id: string;
  readonly index: number;
  readonly ageGroup: (typeof ageGroups)[number];
  readonly registeredDaysBefore: number;
  /** When they first came, for those who were not there from the start. */
  readonly joinedAt?: number;
  /** How often they come, in proportion to the others. */
  readonly activity: number;
  readonly susceptibility: number;
  /** [devices] */
  readonly devicePreference: readonly number[];
}

/** Tastes that come with the age group; people spread around them. */
const leanings: Readonly<Record<(typeof ageGroups)[number], readonly number[]>> = {
  under_20: [0.5, 0.8, -0.3, -0.6, 0.2, -0.1, -0.2, 0.6],
  '20_to_34': [0.4, 0.2, 0.2, -0.1, 0.2, 0.1, 0.3, 0.3],
  '35_to_54': [0, -0.3, 0.5, 0.3, 0.3, 0.2, 0.3, 0],
  over_54: [-0.1, -0.6, 0.4, 0.8, 0.1, 0.2, 0.2, -0.2],
};
const driftPerDay = 0.18;
const pullToBase = 0.05;

const baseInterest = (seed: number, person: Person): number[] => {
  const random = randomOf(seed, 'interest', person.index);
  return leanings[person.ageGroup].map((leaning) => leaning + 0.9 * random.normal());
};

export const createPerson = (seed: number, index: number): Person => {
  const random = randomOf(seed, 'person', index);
  const group = ageGroups[random.pick([2, 4, 3, 1.5])] ?? '20_to_34';
  const favourite = random.pick(group === 'under_20' ? [8, 1, 1] : group === 'over_54' ? [3, 3, 4] : [5, 3, 2]);
  return {
    id: `u${index}`,
    index,
    ageGroup: group,
    registeredDaysBefore: Math.floor(-200 * Math.log(1 - random.uniform())),
    activity: Math.exp(0.8 * random.normal()),
    susceptibility: 0.3 + 0.9 * random.uniform(),
    devicePreference: devices.map((_, device) => (device === favourite ? 0.8 : 0.1)),
  };
};

/** Those who join on a day, spread over it. Their index goes on from those who were there from the start. */
export const createNewcomers = (
  seed: number,
  { day, startMs, users, perDay }: { day: number; startMs: number; users: number; perDay: number },
): Person[] =>
  Array.from({ length: perDay }, (_, place) => {
    const index = users + day * perDay + place;
    const within = randomOf(seed, 'joins', index).uniform();
    return { ...createPerson(seed, index), joinedAt: startMs + Math.floor((day + within) * 86_400_000) };
  });

/**
 * A person's interest per topic on a day: a random walk, pulled back to where it began, so that last week tells a lot about
 * today and last month little more than the age group does. Days before the first are the first.
 */
export const createInterests = (seed: number): ((person: Person, day: number) => readonly number[]) => {
  const walks = new Map<number, number[][]>();
  return (person, day) => {
    let walk = walks.get(person.index);
    if (walk === undefined) walks.set(person.index, (walk = [baseInterest(seed, person)]));
    for (let next = walk.length; next <= day; next++) {
      const random = randomOf(seed, 'drift', person.index, next);
      const base = walk[0] ?? [];
      walk.push(
        (walk[next - 1] ?? base).map(
          (interest, k) => interest + pullToBase * ((base[k] ?? 0) - interest) + driftPerDay * random.normal(),
        ),
      );
    }
    return walk[Math.max(0, day)] ?? [];
  };
};

export const drawDevice = (person: Person, random: Random): Device =>
  devices[random.pick(person.devicePreference)] ?? 'phone';
