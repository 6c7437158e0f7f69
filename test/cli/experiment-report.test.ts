import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { planCommand, reportCommand } from '../../cli/experiment/index.js';
import { openEmbeddedLog, openKafkaLog, recordOf, type EventLog } from '../../src/events/index.js';
import { kafkasUnderTest, removeTopics } from '../events/kafka-broker.js';
import { experiment, payload } from '../experiments/builders.js';
import { experimentEvents } from '../experiments/experiment-log.js';

const folder = mkdtempSync(join(tmpdir(), 'watchnext-experiment-report-'));
const directory = join(folder, 'log');
const models = join(folder, 'models');
const events = experimentEvents({ seed: 21, users: 400, arms: { control: 1, changed: 1.4 } });

const fill = async (log: EventLog): Promise<void> => {
  try {
    await log.append(
      'events',
      events.map((event) => recordOf(event, 0)),
    );
    await log.append('events', [{ partition: 0, time: events[0]!.time, value: Uint8Array.of(1, 2, 3) }]);
  } finally {
    await log.close();
  }
};

beforeAll(async () => {
  mkdirSync(join(models, 'demo'), { recursive: true });
  writeFileSync(
    join(models, 'demo', 'ranker.yaml'),
    `name: demo
features:
  item_id: {kind: id, scope: candidate, dim: 4}
  duration: {kind: number, scope: candidate}
tasks:
  click: {kind: binary, label: clicked}
network: {kind: independent}
score: {form: sum, weights: {click: 1}}
metrics:
  watch_time: {of: watch, take: sum, direction: up, guardrail: 0.02}
  clicks: {of: click, take: count, per: request, direction: up}
`,
  );
  await fill(await openEmbeddedLog({ directory, partitions: 2, writes: ['events'] }));
}, 240_000);
afterEach(() => void jest.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (command: typeof reportCommand, ...parameters: readonly string[]) => {
  const written = { out: '', err: '' };
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((written.out += String(text))));
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((written.err += String(text))));
  await command().parseAsync(parameters, { from: 'user' });
  return written;
};
const here = ['--log-directory', directory, '--models', models];
interface Answer {
  readonly phase: string;
  readonly control: string;
  readonly arms: readonly { readonly arm: string; readonly users: number; readonly share: number }[];
  readonly sampleRatio: { readonly given: boolean; readonly alarm: boolean };
  readonly metrics: readonly {
    readonly comparisons: readonly { readonly best: { readonly fixed: { readonly interval: [number, number] } } }[];
  }[];
  readonly verdicts: readonly { readonly metric: string; readonly finding: string }[];
}
const answerOf = (text: string): Answer => JSON.parse(text) as Answer;
const covers = ({ metrics }: Answer, truth: number): boolean => {
  const [low, high] = metrics[0]!.comparisons[0]!.best.fixed.interval;
  return low <= truth && truth <= high;
};

describe('experiment report', () => {
  test('finds the effect that is in the log, by the ranker that answered the lists', async () => {
    const { out } = await run(reportCommand, 'longer', ...here);
    expect(out).toMatch(/- changed raises watch time per user by \d+\.\d % \(\d+\.\d to \d+\.\d\)/);
    expect(out).toContain('1 records are damaged and left out');
    expect(out).toContain('the metrics of demo');
    expect(out).not.toContain('.svg');
  });

  test('says the same to a machine', async () => {
    const answer = answerOf((await run(reportCommand, 'longer', ...here, '--json')).out);
    expect(answer.control).toBe('control');
    expect(answer.arms.reduce((sum, { users }) => sum + users, 0)).toBe(400);
    expect(covers(answer, 0.4)).toBe(true);
    expect(answer.verdicts[0]).toMatchObject({ metric: 'watch_time', finding: 'better' });
  });

  test('takes shares and control from the experiments that are configured, or as they are said', async () => {
    const file = join(folder, 'experiments.json');
    const rule = experiment('longer', { weights: [0.8, 0.2] });
    writeFileSync(file, JSON.stringify(payload({ 'watchnext.a': [rule] })));
    const configured = answerOf((await run(reportCommand, 'longer', ...here, '--experiments', file, '--json')).out);
    expect(configured.arms.map(({ arm, share }) => [arm, Number(share.toFixed(6))])).toEqual([
      ['control', 0.8],
      ['changed', 0.2],
    ]);
    expect(configured.sampleRatio).toMatchObject({ given: true, alarm: true });
    const kept = {
      savedAt: '2026-05-01T00:00:00Z',
      begun: {},
      payload: JSON.stringify(payload({ 'watchnext.a': [rule] })),
    };
    writeFileSync(join(directory, 'experiments.json'), JSON.stringify(kept));
    const copied = answerOf((await run(reportCommand, 'longer', ...here, '--json')).out);
    rmSync(join(directory, 'experiments.json'));
    expect(copied.sampleRatio).toEqual(configured.sampleRatio);
    const said = answerOf(
      (await run(reportCommand, 'longer', ...here, '--share', 'changed=1,control=1', '--json')).out,
    );
    expect([said.control, said.sampleRatio.alarm]).toEqual(['changed', false]);
  });

  test('leaves aside what is configured of another phase', async () => {
    const file = join(folder, 'experiments.json');
    const rule = experiment('longer', { weights: [0.8, 0.2], phase: '2' });
    writeFileSync(file, JSON.stringify(payload({ 'watchnext.a': [rule] })));
    const answer = answerOf((await run(reportCommand, 'longer', ...here, '--experiments', file, '--json')).out);
    expect([answer.phase, answer.sampleRatio.given]).toEqual(['1', false]);
  });

  test('writes a page that needs nothing else, or Markdown with its pictures beside it', async () => {
    const page = join(folder, 'out', 'longer.html');
    const markdown = join(folder, 'out', 'longer.md');
    expect((await run(reportCommand, 'longer', ...here, '--out', page)).err).toContain(`report: ${page}`);
    await run(reportCommand, 'longer', ...here, '--out', markdown);
    expect(readFileSync(page, 'utf8')).toMatch(/<svg[^]*<\/svg>/);
    const pictures = [...readFileSync(markdown, 'utf8').matchAll(/\]\(([^)]+\.svg)\)/g)].map(([, name]) => name!);
    expect(pictures).toHaveLength(2);
    for (const name of pictures) expect(existsSync(join(folder, 'out', name))).toBe(true);
    expect(readdirSync(join(folder, 'out'))).toHaveLength(4);
  });

  test('refuses what is not there with what would be', async () => {
    await expect(run(reportCommand, 'langer', ...here)).rejects.toMatchObject({
      code: 'data_missing',
      problems: [{ hint: expect.stringContaining('did you mean longer?') }],
    });
    const nowhere = join(folder, 'nowhere');
    await expect(run(reportCommand, 'longer', '--log-directory', nowhere)).rejects.toMatchObject({
      message: `There is no event log in ${nowhere}.`,
    });
    expect(existsSync(nowhere)).toBe(false);
    await expect(run(reportCommand, 'longer', ...here, '--ranker', 'other')).rejects.toMatchObject({
      code: 'definition_invalid',
    });
  });
});

describe('experiment plan', () => {
  test('gives size and days from the log', async () => {
    const { out } = await run(planCommand, 'demo', ...here, '--metric', 'watch_time', '--effect', '5%');
    expect(out).toContain('To tell a change of 5.0 % of watch_time');
    expect(out).toMatch(/plain +one look at the end +[\d,]+/);
    expect(out).toMatch(/with CUPED, which explains \d+\.\d % +looked at all the time +[\d,]+/);
    expect(out).toContain('smallest change');
  });

  test('gives them from numbers, and none that it does not know', async () => {
    const numbers = ['--metric', 'watch', '--mean', '10', '--sd', '10', '--effect', '0.1'];
    const { out } = await run(planCommand, 'demo', ...numbers, '--users-per-day', '100', '--json');
    const { sizes } = JSON.parse(out) as { sizes: readonly { users: number; days: number; looks: string }[] };
    // 2.8016² * 4 / 0.1².
    expect(sizes[0]).toMatchObject({ looks: 'fixed', users: Math.ceil(400 * 2.8015851 ** 2), days: 32 });
    expect((await run(planCommand, 'demo', ...numbers)).out).toMatch(/3,140 +not known/);
    await expect(run(planCommand, 'demo', '--metric', 'watch', '--mean', '10')).rejects.toMatchObject({
      code: 'usage',
    });
    await expect(run(planCommand, 'demo', ...here, '--metric', 'clicked')).rejects.toMatchObject({
      problems: [{ hint: expect.stringContaining('did you mean clicks?') }],
    });
  });
});

const kafkas = (await kafkasUnderTest()).slice(-1);
for (const kafka of kafkas)
  describe(`experiment report on ${kafka.name}`, () => {
    const prefix = `test-${process.pid}-report.`;
    beforeAll(() => kafka.start(), 120_000);
    afterAll(async () => {
      if (kafka.broker() === undefined) await removeTopics(kafka.brokers(), prefix);
      await kafka.stop();
    }, 240_000);

    test('reads the same as from the embedded log', async () => {
      await fill(
        await openKafkaLog({ brokers: kafka.brokers(), topicPrefix: prefix, partitions: 2, timeoutMs: 20_000 }),
      );
      const there = ['--log', 'kafka', '--kafka-brokers', kafka.brokers().join(','), '--kafka-topic-prefix', prefix];
      const onKafka = await run(reportCommand, 'longer', ...there, '--models', models, '--json');
      jest.restoreAllMocks();
      const embedded = await run(reportCommand, 'longer', ...here, '--json');
      const [a, b] = [answerOf(onKafka.out), answerOf(embedded.out)];
      expect(a.arms).toEqual(b.arms);
      expect(a.verdicts.map(({ finding }) => finding)).toEqual(b.verdicts.map(({ finding }) => finding));
      expect(covers(a, 0.4)).toBe(true);
    }, 240_000);
  });
