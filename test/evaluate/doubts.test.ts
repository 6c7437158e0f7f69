import { describe, expect, test } from '@jest/globals';
import { trainingDoubts, type Evaluation } from '../../training/evaluate/index.js';

type Trained = Parameters<typeof trainingDoubts>[0];

/** Only what is looked at. */
const trained = (steps: number): Trained =>
  ({
    definition: { training: { batch: 512 } },
    history: { epochs: [{ step: steps }] },
    summary: { rows: 12_345 },
  }) as unknown as Trained;

const heldOut = (
  rows: number,
  click: { readonly ours: number; readonly half: number; readonly constant: number },
): Pick<Evaluation, 'tasks' | 'baselines'> =>
  ({
    tasks: { click: { rows, values: { logLoss: click.ours }, halfWidth: { logLoss: click.half } } },
    baselines: { constant: { click: { rows, values: { logLoss: click.constant }, halfWidth: {} } } },
  }) as unknown as Pick<Evaluation, 'tasks' | 'baselines'>;

describe('what speaks against a trained version', () => {
  test('is nothing where it took many steps and does better than a constant on many rows', () => {
    expect(trainingDoubts(trained(500), heldOut(9000, { ours: 0.5, half: 0.01, constant: 0.6 }))).toEqual([]);
  });

  test('is a head that is worse than a constant by more than chance explains, not one within it', () => {
    const worse = trainingDoubts(trained(500), heldOut(9000, { ours: 0.65, half: 0.01, constant: 0.6 }));
    expect(worse).toEqual(['click is predicted worse than by a constant (logLoss 0.6500 ± 0.0100 against 0.6000)']);
    expect(trainingDoubts(trained(500), heldOut(9000, { ours: 0.605, half: 0.01, constant: 0.6 }))).toEqual([]);
  });

  test('is that too few rows were held out, or none', () => {
    const [few] = trainingDoubts(trained(500), heldOut(8, { ours: 0.5, half: 0.3, constant: 0.6 }));
    expect(few).toMatch(/^only 8 rows were held out/);
    expect(trainingDoubts(trained(500), undefined)).toEqual([expect.stringMatching(/^nothing was held out/)]);
  });

  test('is that hardly any steps were taken', () => {
    const [few] = trainingDoubts(trained(12), heldOut(9000, { ours: 0.5, half: 0.01, constant: 0.6 }));
    expect(few).toBe('only 12 steps were taken over 12,345 rows: lower training.batch (512) or raise training.epochs');
  });
});
