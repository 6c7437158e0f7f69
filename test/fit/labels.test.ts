import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { LabelFitter, LossMeter, naturalHeads, scaleLabels, type LabelScaling } from '../../training/fit/labels.js';

const tasks: RankerDefinition['tasks'] = {
  click: { kind: 'binary', label: 'clicked' },
  watch: { kind: 'regression', label: 'seconds', transform: 'log1p', when: 'click', weight: 0.25 },
};
// [rows, tasks]
const labels = Float32Array.of(1, 10, 0, NaN, 1, 30, 1, 90, NaN, NaN);

function fitted(...parts: Float32Array[]): LabelScaling {
  const fitter = new LabelFitter(tasks);
  for (const part of parts) fitter.observe(part);
  return fitter.finish();
}

describe('labels', () => {
  test('are standardised by the known training labels only', () => {
    const [click, watch] = fitted(labels.slice(0, 4), labels.slice(4));
    const logs = [11, 31, 91].map((seconds) => Math.log(seconds));
    const mean = (logs[0]! + logs[1]! + logs[2]!) / 3;
    expect(watch!.mean).toBeCloseTo(mean, 9);
    expect(watch!.deviation).toBeCloseTo(Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / 3), 9);
    expect(click).toMatchObject({ mean: 0.75, deviation: 1, weight: 1 });
  });

  test('unknown ones weigh nothing; known ones their task’s weight over the rows of the batch', () => {
    const scaling = fitted(labels);
    const { labels: scaled, weights } = scaleLabels(scaling, labels);
    expect([...weights].map((weight) => Number(weight.toFixed(6)))).toEqual([
      0.2, 0.05, 0.2, 0, 0.2, 0.05, 0.2, 0.05, 0, 0,
    ]);
    expect([...scaled].every(Number.isFinite)).toBe(true);
    const watched = [scaled[1]!, scaled[5]!, scaled[7]!];
    expect(watched[0]! + watched[1]! + watched[2]!).toBeCloseTo(0, 5);
  });

  test('scaling a label and undoing it gives the label', () => {
    const scaling = fitted(labels);
    const heads = naturalHeads(scaling, scaleLabels(scaling, labels).labels);
    [1, 5, 7].forEach((at) => expect(heads[at]).toBeCloseTo(labels[at]!, 3));
    expect(naturalHeads(scaling, Float32Array.of(Math.log(3), 0))[0]).toBeCloseTo(0.75, 6);
  });

  test('that never vary stay finite', () => {
    const scaling = fitted(Float32Array.of(0, 7, 0, 7));
    expect([...scaleLabels(scaling, Float32Array.of(0, 7)).labels]).toEqual([0, 0]);
  });

  test('a model that predicts the mean has a normalised loss of 1, a perfect one of nearly 0', () => {
    const scaling = fitted(labels);
    const of = (logits: Float32Array): number => {
      const meter = new LossMeter(scaling);
      meter.add(logits.slice(0, 4), labels.slice(0, 4));
      meter.add(logits.slice(4), labels.slice(4));
      return meter.normalised();
    };
    expect(of(Float32Array.from(labels, (_, at) => (at % 2 === 0 ? Math.log(3) : 0)))).toBeCloseTo(1, 6);
    const { labels: scaled } = scaleLabels(scaling, labels);
    expect(of(scaled.map((label, at) => (at % 2 === 0 ? 40 * (label - 0.5) : label)))).toBeLessThan(1e-6);
  });

  test('a task without a single known label is left out of the mean', () => {
    const scaling = fitted(labels);
    const meter = new LossMeter(scaling);
    meter.add(Float32Array.of(0, 0), Float32Array.of(1, NaN));
    expect(meter.losses()[0]).toBeCloseTo(Math.log(2), 6);
    expect(meter.losses()[1]).toBeNaN();
    expect(meter.normalised()).toBeCloseTo(Math.log(2) / -Math.log(0.75), 6);
  });
});
