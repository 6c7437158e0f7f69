import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createWindows,
  judge,
  type GateCheck,
  type GateDecision,
  type JudgedRows,
  type JudgeOptions,
} from '../../training/stream/index.js';
import { mixSeeds } from '../../training/fit/index.js';
import { definition, flipped, streamWorld, withLength, type StreamedWorld } from './gate-world.js';
import { judgedRows } from './judged.js';

/** Both take the same time, whatever else the machine does: who is slower is said where that is asked. */
const evenClock = (): (() => number) => {
  let time = 0;
  return () => ++time;
};
const decide = ({ windows, candidate, active, golden }: StreamedWorld, changes: Partial<JudgeOptions> = {}) =>
  judge({ definition, windows, candidate, active, golden, now: evenClock(), ...changes });

const refused = ({ checks }: GateDecision): GateCheck['name'][] =>
  checks.filter(({ passed }) => !passed).map(({ name }) => name);
const messageOf = ({ checks }: GateDecision, name: GateCheck['name']): string =>
  checks.find((check) => check.name === name)?.message ?? '';

const shuffled = (values: Float32Array): Float32Array =>
  Float32Array.from(values, (_, i) => values[(i * 7 + 3) % values.length]!);

/** Windows as the world's, with the rows changed. */
const withRows = (
  { windows }: StreamedWorld,
  change: { newest?: (rows: JudgedRows) => JudgedRows; anchor?: (rows: JudgedRows) => JudgedRows },
): JudgeOptions['windows'] => ({
  newest: (rows) => (change.newest ?? same)(windows.newest(rows)),
  anchor: () => (change.anchor ?? same)(windows.anchor()),
});
const same = (rows: JudgedRows): JudgedRows => rows;

describe('a model that learned on a stream', () => {
  let world: StreamedWorld;
  beforeAll(async () => {
    world = await streamWorld();
  });
  afterAll(() => world.close());

  test('is accepted when all is well, and every check says what was measured', async () => {
    const decision = await decide(world);
    expect(refused(decision)).toEqual([]);
    expect(decision.accepted).toBe(true);
    expect(decision.checks.map(({ name }) => name)).toEqual([
      'finite',
      'golden',
      'auc',
      'calibration',
      'anchor',
      'labels',
      'features',
      'latency',
    ]);
    expect(messageOf(decision, 'auc')).toMatch(
      /^click 0\.\d{4}, (lower|higher) by 0\.\d{4} ±0\.\d{4} .*allowed loss 0\.02/,
    );
  });

  test('is refused when its serving graph has its weights in the wrong places', async () => {
    const decision = await decide(world, { candidate: await world.changed(shuffled) });
    expect(refused(decision)).toEqual(['golden']);
    expect(messageOf(decision, 'golden')).toMatch(/golden.bin row \d+ head \w+: expected/);
  });

  test('is refused when trainer and graph agree on weights in the wrong places', async () => {
    const candidate = await world.changed(shuffled);
    const golden = { batch: world.golden.batch, heads: await candidate.score(world.golden.batch) };
    const decision = await decide(world, { candidate, golden });
    expect(refused(decision)).toEqual(['anchor']);
    expect(messageOf(decision, 'anchor')).toMatch(/click 0\.\d+, lower by 0\.\d+ .* than the active version/);
  });

  test('is refused with a weight or a prediction that is not a number', async () => {
    const candidate = {
      ...world.candidate,
      weights: [['tables/item_id', Float32Array.of(1, Number.NaN, Infinity)]] as const,
    };
    const decision = await decide(world, { candidate });
    expect(refused(decision)).toEqual(['finite']);
    expect(messageOf(decision, 'finite')).toContain('2 of 3 values of tables/item_id');
    const windows = withRows(world, {
      newest: (rows) => ({ ...rows, predicted: rows.predicted.map((head, at) => (at === 5 ? Number.NaN : head)) }),
    });
    expect(messageOf(await decide(world, { windows }), 'finite')).toContain('1 of the last 504 predictions of watch');
  });

  test('is refused when it cannot score at all', async () => {
    const candidate = { ...world.candidate, score: () => Promise.reject(new Error('graph.onnx cannot be run')) };
    const decision = await decide(world, { candidate });
    expect(refused(decision)).toEqual(['golden']);
    expect(messageOf(decision, 'golden')).toBe('graph.onnx cannot be run');
  });

  test('is refused when the learner lately orders worse than what was served', async () => {
    const noise = (rows: JudgedRows): JudgedRows => ({
      ...rows,
      predicted: rows.predicted.map((_, at) => mixSeeds(at) / 2 ** 32),
    });
    const decision = await decide(world, { windows: withRows(world, { newest: noise }) });
    expect(refused(decision)).toContain('auc');
  });

  test('is not refused for a loss that so few rows cannot tell from chance', async () => {
    // All but a dozen clicks are masked: whatever the order of so few, it may be chance.
    const sparse = (rows: JudgedRows): JudgedRows => {
      const labels = rows.labels.map((label, at) => (at % 2 === 0 && (at / 2) % 20 !== 0 ? Number.NaN : label));
      return { ...rows, labels, predicted: rows.predicted.map((head, at) => head + 0.8 * (mixSeeds(at) / 2 ** 32)) };
    };
    const decision = await decide(world, { windows: withRows(world, { newest: sparse }) });
    expect(decision.checks.find(({ name }) => name === 'auc')).toMatchObject({ passed: true });
    expect(messageOf(decision, 'auc')).toContain('may be chance');
  });

  test('is refused when its predictions are of another size than what comes', async () => {
    const third = (rows: JudgedRows): JudgedRows => ({ ...rows, predicted: rows.predicted.map((head) => head / 3) });
    const decision = await decide(world, { windows: withRows(world, { newest: third }) });
    expect(refused(decision)).toEqual(['calibration']);
    expect(messageOf(decision, 'calibration')).toMatch(/click predicts 0\.\d+ times what comes, the reference 1\.\d+/);
  });

  test('is held against the active version’s own scores where nothing was served', async () => {
    const unserved = (rows: JudgedRows): JudgedRows => ({ ...rows, served: rows.served.map(() => Number.NaN) });
    const decision = await decide(world, { windows: withRows(world, { newest: unserved }) });
    // What was served in this world is what the active version says.
    expect(decision.checks.slice(2, 4)).toEqual((await decide(world)).checks.slice(2, 4));
  });

  test('is refused when clicks stop coming', async () => {
    const silent = (rows: JudgedRows): JudgedRows => ({
      ...rows,
      labels: rows.labels.map((label, at) => (at % 2 === 0 ? 0 : label)),
    });
    const decision = await decide(world, { windows: withRows(world, { newest: silent }) });
    expect(refused(decision)).toContain('labels');
    expect(messageOf(decision, 'labels')).toMatch(/^click 0\.0 % of rows, before \d\d\.\d %/);
  });

  test('is refused when seconds come as milliseconds', async () => {
    const scaled = (rows: JudgedRows): JudgedRows => ({
      ...rows,
      labels: rows.labels.map((label, at) => (at % 2 === 1 ? 1000 * label : label)),
    });
    const decision = await decide(world, { windows: withRows(world, { newest: scaled }) });
    expect(refused(decision)).toContain('labels');
    expect(messageOf(decision, 'labels')).toMatch(/^watch averages \d\d\.\d+, before 3\.\d+/);
  });

  test('is refused when it is far slower than the active version', async () => {
    let time = 0;
    const taking = (ms: number) => (batch: { rows: number }) => {
      time += ms;
      return world.candidate.score(batch as never);
    };
    const active = { version: 'v1', score: taking(20) };
    const now = (): number => time;
    const slow = await decide(world, { active, candidate: { ...world.candidate, score: taking(61) }, now });
    expect(refused(slow)).toEqual(['latency']);
    expect(messageOf(slow, 'latency')).toMatch(/take 61\.0 ms, the active version 20\.0 ms; allowed 60\.0 ms/);
    expect(refused(await decide(world, { active, candidate: { ...world.candidate, score: taking(59) }, now }))).toEqual(
      [],
    );
  });

  test('is accepted in the beginning, and told why nothing could be compared', async () => {
    const windows = createWindows({ definition });
    windows.add(judgedRows([{ rows: [{ labels: [1, 10], predicted: [0.5, 9] }] }]));
    const decision = await decide(world, { windows });
    expect(decision.accepted).toBe(true);
    expect(messageOf(decision, 'auc')).toBe('1 of 500 rows: too few to tell');
    expect(messageOf(decision, 'anchor')).toBe('0 older rows: too few to tell');
    const first = await decide(world, { active: undefined });
    expect(first.accepted).toBe(true);
    expect(messageOf(first, 'latency')).toBe('nothing serves to compare with');
  });
});

describe('a stream that goes wrong', () => {
  const decisionAfter = async (
    spoil: Parameters<typeof streamWorld>[0],
    changes: (world: StreamedWorld) => Partial<JudgeOptions> = () => ({}),
  ): Promise<GateDecision> => {
    const world = await streamWorld(spoil);
    try {
      return await decide(world, changes(world));
    } finally {
      await world.close();
    }
  };

  test('with a task’s labels turned round is refused, though they are as frequent as before', async () => {
    const decision = await decisionAfter(flipped(0));
    expect(refused(decision)).toEqual(['anchor']);
    expect(messageOf(decision, 'anchor')).toMatch(/click 0\.\d+, lower by 0\.\d+/);
  });

  test('is refused even where the active version has learned from it too', async () => {
    const decision = await decisionAfter(flipped(0), ({ candidate }) => ({ active: candidate }));
    expect(refused(decision)).toEqual(['anchor']);
    expect(messageOf(decision, 'anchor')).toContain('than what was predicted then');
  });

  test('with a feature that is missing is refused by its name', async () => {
    const decision = await decisionAfter(withLength(() => null));
    expect(refused(decision)).toEqual(['features']);
    expect(messageOf(decision, 'features')).toMatch(/^length is missing in 100 % of rows, before in \d+ %/);
  });

  test('with a feature on another scale is refused by its name', async () => {
    const decision = await decisionAfter(withLength((given) => (given === null ? null : 1000 * (given as number))));
    expect(refused(decision)).toContain('features');
    expect(messageOf(decision, 'features')).toMatch(/^length lies \d+\.\d spreads from its usual value/);
  });
});
