import { beforeEach, describe, expect, test } from '@jest/globals';
import { createJoinerMetrics } from '../../cli/join/index.js';
import { createLearnerMetrics } from '../../cli/learn/index.js';
import { noCounts } from '../../src/join/counters.js';
import { createMetrics, type Metrics } from '../../src/telemetry/index.js';
import { startOfPlace, type HeadMeasure, type LearnerNews, type LearnerStatus } from '../../training/stream/index.js';
import { scraped } from '../telemetry/scraped.js';

let now = 0;
let metrics: Metrics;
beforeEach(() => {
  now = 1_000_000;
  metrics = createMetrics('learner');
});

const head = (values: Partial<HeadMeasure> = {}): HeadMeasure => ({
  ...{ rows: 1000, positives: 100, auc: 0.7, calibration: 1, normalisedEntropy: 0.9 },
  ...values,
});

const status = (values: Partial<LearnerStatus> = {}): LearnerStatus => ({
  ...{ events: 0, eventsPerSecond: 0, rows: 0, rowsPerSecond: 0, losses: {}, measures: {}, served: {} },
  ...{ watermark: undefined, lagMs: undefined, version: 'v1', counts: startOfPlace.counts, sources: {} },
  ...values,
});

describe('the metrics of a learner', () => {
  const measured = (clock?: 'stream') =>
    createLearnerMetrics({ ranker: 'films', metrics, now: () => now, ...(clock && { clock }) });

  test('have its lag and the age of its checkpoint as they are at the scrape, not when they were told', async () => {
    const { onWatermark, onNews } = measured();
    expect((await scraped(metrics))('watchnext_learner_lag_seconds{ranker="films"}')).toBeUndefined();
    onWatermark(now - 4000);
    onNews({ kind: 'checkpoint', pauseMs: 30, seconds: 0.5 });
    now += 6000;
    const value = await scraped(metrics);
    expect(value('watchnext_learner_lag_seconds{ranker="films"}')).toBe(10);
    expect(value('watchnext_learner_checkpoint_age_seconds{ranker="films"}')).toBe(6);
    expect(value('watchnext_learner_checkpoint_seconds{ranker="films",part="pause"}')).toBe(0.03);
    expect(value('watchnext_learner_checkpoint_seconds{ranker="films",part="all"}')).toBe(0.5);
  });

  test('have the lag behind what is newest in the log where the learner goes by event time', async () => {
    const { onWatermark, onStatus } = measured('stream');
    onWatermark(now - 86_400_000);
    expect((await scraped(metrics))('watchnext_learner_lag_seconds{ranker="films"}')).toBeUndefined();
    onStatus(status({ watermark: now - 86_400_000, lagMs: 2500 }));
    now += 6000;
    expect((await scraped(metrics))('watchnext_learner_lag_seconds{ranker="films"}')).toBe(2.5);
  });

  test('count what was published, refused, taken back and warned of', async () => {
    const { onNews } = measured();
    const news: LearnerNews[] = [
      { what: 'update', kind: 'published', version: 'v1+1' },
      { what: 'update', kind: 'published', version: 'v1+2' },
      { what: 'update', kind: 'refused', reason: 'auc: fell' },
      { what: 'version', kind: 'published', version: 'v2' },
      { kind: 'retreat', from: 'v2', to: 'v1', reason: 'worse' },
      { kind: 'warning', message: 'the log is away' },
    ];
    for (const each of news) onNews(each);
    const value = await scraped(metrics);
    const publications = (what: string, outcome: string) =>
      value(`watchnext_learner_publications_total{ranker="films",what="${what}",outcome="${outcome}"}`);
    expect(publications('update', 'published')).toBe(2);
    expect(publications('update', 'refused')).toBe(1);
    expect(publications('version', 'published')).toBe(1);
    expect(value('watchnext_learner_retreats_total{ranker="films"}')).toBe(1);
    expect(value('watchnext_learner_warnings_total{ranker="films"}')).toBe(1);
    expect(value('watchnext_learner_version_info{ranker="films",version="v2"}')).toBe(1);
    expect(value('watchnext_learner_version_info{ranker="films",version="v1"}')).toBeUndefined();
  });

  test('grow by what was read and passed over since it was last told', async () => {
    const { onStatus } = measured();
    const counts = { ...startOfPlace.counts, rows: 50, otherArms: 2 };
    onStatus(status({ events: 100, counts }));
    onStatus(status({ events: 250, counts: { ...counts, rows: 80, notFinite: 1 } }));
    const value = await scraped(metrics);
    expect(value('watchnext_learner_events_total{ranker="films"}')).toBe(250);
    expect(value('watchnext_learner_rows_total{ranker="films"}')).toBe(80);
    expect(value('watchnext_learner_passed_over_total{ranker="films",reason="other_arms"}')).toBe(2);
    expect(value('watchnext_learner_not_finite_total{ranker="films"}')).toBe(1);
  });

  test('say how good each version was that served, as long as rows of it are measured', async () => {
    const { onStatus } = measured();
    const auc = (value: Awaited<ReturnType<typeof scraped>>, version: string) =>
      value(`watchnext_head_auc{ranker="films",head="click",version="${version}"}`);
    onStatus(status({ measures: { click: head({ auc: 0.8 }) }, served: { v1: { click: head({ auc: 0.6 }) } } }));
    let value = await scraped(metrics);
    expect([auc(value, 'learner'), auc(value, 'v1'), auc(value, 'v2')]).toEqual([0.8, 0.6, undefined]);
    onStatus(
      status({
        measures: { click: head() },
        served: { v2: { click: head({ calibration: 1.5 }), watch: head({ auc: Number.NaN }) } },
      }),
    );
    value = await scraped(metrics);
    expect([auc(value, 'v1'), auc(value, 'v2')]).toEqual([undefined, 0.7]);
    expect(value('watchnext_head_calibration_ratio{ranker="films",head="click",version="v2"}')).toBe(1.5);
    expect(value('watchnext_head_auc{ranker="films",head="watch",version="v2"}')).toBeUndefined();
    expect(value('watchnext_head_rows{ranker="films",head="watch",version="v2"}')).toBe(1000);
  });

  test('count dead letters that were kept, not those that could not be', async () => {
    const { counting } = measured();
    const letter = { time: 0, reason: 'r', topic: 'events', partition: 0, offset: 0, value: new Uint8Array() } as const;
    await counting(() => Promise.resolve())(letter);
    await expect(counting(() => Promise.reject(new Error('full')))(letter)).rejects.toThrow('full');
    expect((await scraped(metrics))('watchnext_learner_dead_letters_total{ranker="films"}')).toBe(1);
  });
});

test('a joiner counts what it joined, and its lag is that of the scrape', async () => {
  const joiner = createMetrics('joiner');
  const told = createJoinerMetrics({ ranker: 'films', metrics: joiner, now: () => now });
  told({ records: 10, counters: { ...noCounts(), impressions: 4, feedback: 5 }, watermark: -Infinity });
  expect((await scraped(joiner))('watchnext_join_lag_seconds{ranker="films"}')).toBeUndefined();
  told({ records: 25, counters: { ...noCounts(), impressions: 9, feedback: 9, lateFeedback: 2 }, watermark: now });
  now += 2500;
  const value = await scraped(joiner);
  expect(value('watchnext_join_records_total{ranker="films"}')).toBe(25);
  expect(value('watchnext_join_events_total{ranker="films",kind="impressions"}')).toBe(9);
  expect(value('watchnext_join_events_total{ranker="films",kind="late"}')).toBe(2);
  expect(value('watchnext_join_lag_seconds{ranker="films"}')).toBe(2.5);
});
