import { describe, expect, test } from '@jest/globals';
import {
  createWorld,
  examination,
  lostShare,
  sources,
  type Device,
  type Nomination,
  type Source,
  type Video,
  type WorldFeedback,
} from '../../training/dataset/index.js';

const options = { users: 300, requestsPerDay: 400, sources: true, newUsersPerDay: 12 };
const world = createWorld(5, options);
const dayMs = 86_400_000;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
const requests = Array.from({ length: 4 * world.requestsPerDay }, (_, i) =>
  world.request(Math.floor(i / world.requestsPerDay), i % world.requestsPerDay),
);

describe('people who join', () => {
  test('are as many every day, and come only once they have joined', () => {
    for (const day of [0, 1, 7]) {
      const joined = world.newcomers(day).map(({ joinedAt = 0 }) => Math.floor((joinedAt - world.startMs) / dayMs));
      expect(joined).toEqual(new Array(12).fill(day));
    }
    expect(requests.filter(({ person, time }) => time < (person.joinedAt ?? 0))).toEqual([]);
    expect(new Set([...world.people, ...world.newcomers(0), ...world.newcomers(1)].map(({ id }) => id)).size).toBe(324);
  });

  test('come as often as those who were there, from the day after', () => {
    const [first, last] = [requests.filter(({ day }) => day === 0), requests.filter(({ day }) => day === 3)];
    const newShare = (list: typeof requests): number => mean(list.map(({ person }) => Number(person.index >= 300)));
    // Of the last day's 348 people 48 were not there at first, weighted by how often each of them comes.
    const activity = (people: readonly { readonly activity: number }[]): number => mean(people.map((p) => p.activity));
    const joined = [0, 1, 2, 3].flatMap((day) => world.newcomers(day));
    const share = (48 * activity(joined)) / (48 * activity(joined) + 300 * activity(world.people));
    expect(Math.abs(newShare(last) - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / last.length));
    expect(newShare(first)).toBeLessThan(newShare(last));
  });

  test('are known with the time at which they joined', () => {
    const [person] = world.newcomers(2);
    expect(world.userFields(person!)).toMatchObject({ user_id: person!.id, registered_at: person!.joinedAt });
  });
});

describe('sources of candidates', () => {
  const nominated = requests.filter((_, i) => i % 4 === 0).map((request) => ({ request, list: request.nominations! }));
  const of = (source: Source, value: (nomination: Nomination, request: (typeof requests)[number]) => number): number =>
    mean(
      nominated.flatMap(({ request, list }) =>
        list.filter((each) => each.source === source).map((each) => value(each, request)),
      ),
    );
  const others = sources.filter((source) => source !== 'similar');

  test('all propose, each video once, nothing that is not there yet', () => {
    for (const { request, list } of nominated) {
      expect(new Set(list.map(({ video }) => video.id)).size).toBe(60);
      expect(request.pool.map(({ id }) => id)).toEqual(list.map(({ video }) => video.id));
      expect(Math.max(...list.map(({ video }) => video.uploadedAt))).toBeLessThan(request.time);
    }
    for (const source of sources) {
      const share = mean(nominated.map(({ list }) => mean(list.map((each) => Number(each.source === source)))));
      expect(share).toBeGreaterThan(0.1);
    }
  });

  test('each has a bias: trending for clickbait, similar for interests, fresh for age, subscriptions for few authors', () => {
    const clickbait = (source: Source): number => of(source, ({ video }) => video.clickbait);
    for (const source of sources.filter((each) => each !== 'trending'))
      expect(clickbait('trending')).toBeGreaterThan(clickbait(source) + 0.5);
    // Dismissals fall with affinity; trending and fresh know nothing of a person.
    const dismiss = (source: Source): number =>
      of(source, ({ video }, { person, time }) => world.truth(person, [video], time)[0]!.dismiss);
    for (const source of others) expect(dismiss('similar')).toBeLessThan(dismiss(source));
    const ageDays = (source: Source): number => of(source, ({ video }, { time }) => (time - video.uploadedAt) / dayMs);
    expect(ageDays('fresh')).toBeLessThan(1);
    expect(ageDays('fresh')).toBeLessThan(0.5 * ageDays('similar'));
    const authors = new Map<string, Set<string>>();
    for (const { request, list } of nominated)
      for (const { video, source } of list)
        if (source === 'subscriptions')
          authors.set(request.person.id, (authors.get(request.person.id) ?? new Set()).add(video.author));
    for (const followed of authors.values()) expect(followed.size).toBeLessThanOrEqual(8);
  });

  test('similar lags behind interests that drift: it knows those of two days ago better', () => {
    const videos = world.videos(-1);
    const agreement = (lagDays: number): number =>
      mean(
        nominated
          .filter(({ request }) => request.day === 3)
          .map(({ request: { person, time }, list }) => {
            const similar = list.filter(({ source }) => source === 'similar').map(({ video }) => video);
            const dismissed = (some: readonly Video[]): number =>
              mean(world.truth(person, some, time - lagDays * dayMs).map(({ dismiss }) => Math.log(dismiss)));
            return dismissed(videos) - dismissed(similar);
          }),
      );
    expect(agreement(2)).toBeGreaterThan(agreement(0));
  });

  test('are left out unless asked for, and then everything is as it was without them', () => {
    const plain = createWorld(5, { users: 300, requestsPerDay: 600 });
    expect(plain.request(0, 3).nominations).toBeUndefined();
    expect(plain.request(0, 3)).toEqual(
      createWorld(5, { users: 300, requestsPerDay: 600, sources: false }).request(0, 3),
    );
  });
});

/** Everything that came of one ranking, with what of it the platform was told. */
const told = requests.flatMap((request) => {
  const shown = world.shown(request);
  const events = world.feedback(request, shown, request.id);
  return world.outcomes(request, shown).map((happening, place) => ({
    ...{ request, place, happening },
    events: new Map(events.filter(({ item }) => item === shown[place]!.id).map((event) => [event.kind, event])),
  }));
});

describe('feedback', () => {
  test.each(['phone', 'desktop', 'tv'] as const)(
    'of a %s gets lost at its rate, every kind for itself',
    (device: Device) => {
      const clicked = told.filter(({ request, happening }) => request.device === device && happening.clicked);
      for (const kind of ['click', 'watch'] as const) {
        const lost = mean(clicked.map(({ events }) => Number(!events.has(kind))));
        const error = Math.sqrt((lostShare[device] * (1 - lostShare[device])) / clicked.length);
        expect(Math.abs(lost - lostShare[device])).toBeLessThan(4 * error);
      }
      const both = mean(clicked.map(({ events }) => Number(!events.has('click') && !events.has('watch'))));
      expect(both).toBeLessThan(0.5 * lostShare[device]);
    },
  );

  test('says only what happened', () => {
    const kinds = ({ clicked, liked, dismissed, rating }: (typeof told)[number]['happening']): string[] => [
      ...(clicked ? ['click', 'watch'] : []),
      ...(liked ? ['like'] : []),
      ...(dismissed ? ['dismiss'] : []),
      ...(rating === undefined ? [] : ['rating']),
    ];
    const odd = told.filter(({ happening, events }) => {
      const happened = kinds(happening);
      return [...events.keys()].some((kind) => !happened.includes(kind));
    });
    expect(odd).toEqual([]);
    const complete = createWorld(5, { ...options, feedbackLoss: 0 });
    for (const request of requests.slice(0, 100)) {
      const shown = complete.shown(request);
      const expected = complete.outcomes(request, shown).flatMap((happening) => kinds(happening));
      expect(complete.feedback(request, shown, 'x').map(({ kind }) => kind)).toEqual(expected);
    }
  });

  test('comes in its time: clicks in seconds, watches once watched, likes in minutes to hours, ratings hours later', () => {
    const after = (kind: WorldFeedback['kind'], since: (row: (typeof told)[number]) => number): number[] =>
      told.flatMap((row) => {
        const event = row.events.get(kind);
        return event === undefined ? [] : [(event.time - since(row)) / 1000];
      });
    const clicks = after('click', ({ request, place }) => request.time + 1200 * place);
    expect(median(clicks)).toBeCloseTo(3, 0);
    expect(Math.min(...clicks)).toBeGreaterThan(0);
    expect(Math.max(...after('click', ({ request }) => request.time))).toBeLessThan(120);
    // The watch is said when it ends: the click and then its length.
    const watched = told.filter(({ events }) => events.has('click') && events.has('watch'));
    for (const { events, happening } of watched)
      expect((events.get('watch')!.time - events.get('click')!.time) / 1000).toBeCloseTo(happening.watchSeconds, 2);
    const likes = after(
      'like',
      ({ request, place, events, happening }) =>
        (events.get('click')?.time ?? request.time + 1200 * place + 3000) + 1000 * happening.watchSeconds,
    );
    expect(median(likes)).toBeGreaterThan(70);
    expect(median(likes)).toBeLessThan(110);
    // Log-normal with a spread of 1.6: 4.6 % come later than 15 times the median.
    expect(mean(likes.map((seconds) => Number(seconds > 15 * 90)))).toBeCloseTo(0.045, 1.5);
    expect(likes.filter((seconds) => seconds > 3600).length).toBeGreaterThan(0);
    expect(median(after('rating', ({ request }) => request.time)) / 3600).toBeGreaterThan(1.5);
  });
});

describe('the truth of what is shown', () => {
  test('is what outcomes are draws of, at every place, on every device', () => {
    for (const device of ['phone', 'desktop', 'tv'] as const) {
      const rows = requests
        .filter((request) => request.device === device)
        .flatMap((request) => {
          const shown = world.shown(request);
          const expected = world.expected(request, shown);
          return world
            .outcomes(request, shown)
            .map((happening, place) => ({ happening, expected: expected[place]!, place }));
        });
      for (const [value, truth] of [
        [(row: (typeof rows)[number]) => Number(row.happening.clicked), (row) => row.expected.click],
        [(row: (typeof rows)[number]) => Number(row.happening.liked), (row) => row.expected.like],
        [(row: (typeof rows)[number]) => Number(row.happening.dismissed), (row) => row.expected.dismiss],
        [(row: (typeof rows)[number]) => row.happening.watchSeconds, (row) => row.expected.watch],
      ] as [(row: (typeof rows)[number]) => number, (row: (typeof rows)[number]) => number][]) {
        const differences = rows.map((row) => value(row) - truth(row));
        const error = Math.sqrt(mean(differences.map((d) => d * d)) / rows.length);
        expect(Math.abs(mean(differences))).toBeLessThan(4 * error);
      }
      for (const { expected, place } of rows.slice(0, 100))
        expect(expected.examined).toBe(examination(place + 1, device));
    }
  });

  test('satisfaction falls with clickbait, which clicks rise with', () => {
    const rows = requests.slice(0, 600).flatMap((request) => {
      const shown = world.shown(request);
      return world.expected(request, shown).map((expected, place) => ({ expected, video: shown[place]! }));
    });
    const half = (above: boolean, value: (row: (typeof rows)[number]) => number): number =>
      mean(rows.filter(({ video }) => video.clickbait > 0 === above).map(value));
    expect(half(true, ({ expected }) => expected.click)).toBeGreaterThan(half(false, ({ expected }) => expected.click));
    const gained = ({ expected }: (typeof rows)[number]): number => expected.satisfaction / expected.click;
    expect(half(true, gained)).toBeLessThan(half(false, gained) - 0.5);
  });
});

describe('one seed, one outcome', () => {
  test('what a video brings depends on nobody else in the list: two rankings share their luck', () => {
    const [request] = requests;
    const pool = request!.pool;
    const one = pool.slice(0, 6);
    const other = [pool[0]!, ...pool.slice(20, 25)];
    expect(world.outcomes(request!, other)[0]).toEqual(world.outcomes(request!, one)[0]);
    const events = (list: readonly Video[]) =>
      world.feedback(request!, list, 'r').filter(({ item }) => item === pool[0]!.id);
    expect(events(other)).toEqual(events(one));
    // Further down it is looked at less, never more: the same draws against a smaller chance.
    for (const each of requests.slice(0, 300)) {
      const [video] = each.pool;
      const [first] = world.outcomes(each, [video!]);
      const last = world.outcomes(each, [...each.pool.slice(1, 12), video!]).at(-1)!;
      if (last.clicked) expect(first!.clicked).toBe(true);
    }
  });

  test('is the same whatever was asked before', () => {
    const again = createWorld(5, options);
    const late = again.request(3, 17);
    expect(late).toEqual(world.request(3, 17));
    expect(again.feedback(late, late.pool.slice(0, 20), 'q')).toEqual(
      world.feedback(world.request(3, 17), world.request(3, 17).pool.slice(0, 20), 'q'),
    );
  });
});
