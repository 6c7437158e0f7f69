import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { tuneCommand } from '../../cli/tune.js';
import { openEmbeddedLog, recordOf } from '../../src/events/index.js';
import { definitionText, worldEvents } from '../off-policy/events.js';

const policy = { weights: [0.6, -0.4], form: 'product', share: 0.8, temperature: 0.6, swaps: 0 } as const;
const text = `${definitionText
  .replace('{click: 1, satisfied: 0.2}', '{click: 0.6, satisfied: -0.4}')
  .replace('satisfied: [0, 2]}', 'satisfied: [-0.5, 2]}')}metrics:
  clicks: {of: click, take: count, direction: up}
  likes: {of: like, take: count, direction: up}
`;
const experiments = JSON.stringify(
  {
    features: {
      'watchnext.score': {
        defaultValue: {},
        rules: [
          {
            ...{ key: 'score', phase: '1', hashVersion: 2, coverage: 1 },
            variations: [{}, { weights: { click: 1, satisfied: 0 } }],
            weights: [0.5, 0.5],
            meta: [{ key: 'control' }, { key: 'tuned' }],
          },
        ],
      },
    },
  },
  null,
  2,
);

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'watchnext-tune-'));
  mkdirSync(join(folder, 'models', 'films'), { recursive: true });
  writeFileSync(join(folder, 'models', 'films', 'ranker.yaml'), text);
  writeFileSync(join(folder, 'experiments.json'), experiments);
  const log = await openEmbeddedLog({ directory: join(folder, 'log'), partitions: 2, writes: ['events'] });
  const events = worldEvents({ seed: 3, users: 500, listsPerUser: 2, candidates: 6, shown: 3, policy });
  await log.append(
    'events',
    events.map((event) => recordOf(event, 2)),
  );
  await log.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (...args: string[]): Promise<string> => {
  let stdout = '';
  const spies = [
    jest.spyOn(process.stdout, 'write').mockImplementation((said) => (stdout += String(said)) !== ''),
    jest.spyOn(process.stderr, 'write').mockImplementation(() => true),
  ];
  try {
    const places = ['--models', join(folder, 'models'), '--log-directory', join(folder, 'log')];
    await tuneCommand()
      .exitOverride()
      .parseAsync([...args, ...places], { from: 'user' });
    return stdout;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
};

interface Payload {
  features: { 'watchnext.score': { rules: { phase: string; variations: { weights?: Record<string, number> }[] }[] } };
}

test('tunes on the service’s log, reports, and writes what it recommends into an arm', async () => {
  const [html, file] = [join(folder, 'weights.html'), join(folder, 'experiments.json')];
  const text = await run('films', '--tries', '30', '--out', html, '--write-arm', `${file}:score/tuned`);
  expect(text).toMatch(/^current +0\.6 +-0\.4/m);
  expect(text).toMatch(/^Recommended: the last line of the table\.$/m);
  expect(text).toMatch(/1,000 lists of 500 users/);
  expect(text).toMatch(/The logged chances are those that policy and heads give, in all 1,000 lists\./);
  expect(readFileSync(html, 'utf8')).toMatch(/<h1>Weights of films<\/h1>[^]*<svg/);
  const written = JSON.parse(readFileSync(file, 'utf8')) as Payload;
  const rule = written.features['watchnext.score'].rules[0]!;
  expect(rule.variations[1]!.weights!['satisfied']).toBeGreaterThan(-0.1);
  expect(rule.phase).toBe('2');
}, 240_000);

test('estimates given weights by every estimator, as JSON', async () => {
  const found = JSON.parse(await run('films', '--weights', 'satisfied=0.3', '--share', '0', '--json')) as {
    estimates: { metric: string; estimator: string; weighting: string; value: number }[];
    logged: { metric: string }[];
  };
  expect(found.logged.map(({ metric }) => metric)).toEqual(['clicks', 'likes']);
  const of = (metric: string) => found.estimates.filter((each) => each.metric === metric);
  expect(of('likes').map(({ weighting, estimator }) => `${weighting} ${estimator}`)).toEqual([
    ...['list ips', 'list snips', 'prefix ips', 'prefix snips', 'place ips', 'place snips', 'place dr'],
    ...['examined ips', 'examined snips', 'examined dr'],
  ]);
});

test('a slip in what is asked for is refused with what is allowed', async () => {
  await expect(run('films', '--engagement', 'klicks')).rejects.toMatchObject({
    code: 'usage',
    problems: [{ hint: expect.stringContaining('clicks') }],
  });
  await expect(run('films', '--weights', 'click=9,lik=1')).rejects.toMatchObject({
    code: 'usage',
    problems: [{ path: '--weights/lik' }, { path: '--weights/click', hint: 'from 0 to 2' }],
  });
  await expect(run()).rejects.toMatchObject({ code: 'usage' });
  await expect(run('films', '--data', folder)).rejects.toMatchObject({ code: 'usage' });
  await expect(run('films', '--share', '2')).rejects.toThrow(/from 0 to 1/);
  await expect(run('films', '--from', '2027-01-01')).rejects.toMatchObject({
    code: 'data_missing',
    problems: [{ message: 'no impressions' }],
  });
});

test('nothing is written where there is nothing to recommend', async () => {
  const file = join(folder, 'other.json');
  writeFileSync(file, experiments);
  const place = ['--tries', '2', '--write-arm', `${file}:score/tuned`];
  await expect(run('films', ...place, '--point', '40')).rejects.toMatchObject({
    problems: [{ message: expect.stringMatching(/^the front has \d+ lines, not 40$/) }],
  });
  expect(readFileSync(file, 'utf8')).toBe(experiments);
});
