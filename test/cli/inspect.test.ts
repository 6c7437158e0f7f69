import { expect, jest, test } from '@jest/globals';
import { inspectCommand } from '../../cli/inspect.js';
import { sealArtifact } from '../../src/artifact/index.js';
import { inFolder, sealing } from '../artifact/model.js';

const inspected = async (reference: string, models: string): Promise<string> => {
  let stdout = '';
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => (stdout += String(text)) !== '');
  try {
    await inspectCommand().parseAsync([reference, '--models', models], { from: 'user' });
    return stdout;
  } finally {
    spy.mockRestore();
  }
};

test('a version whose measures are unknown in part is shown with gaps, counts as whole numbers', () =>
  inFolder(async (models) => {
    const options = sealing(models);
    const watch = { rows: 335, positives: 335, auc: Number.NaN, normalisedEntropy: 0.8 };
    const { version } = await sealArtifact({
      ...options,
      facts: { ...options.facts, metrics: { click: { rows: 1720, positives: 335, auc: 0.75 }, watch } },
    });
    const text = await inspected(`tiny@${version}`, models);
    expect(text).toContain('metrics on the held-out part');
    expect(text).toMatch(/^click +1720 +335 +0\.7500$/m);
    expect(text).toMatch(/^watch +335 +335 +0\.8000$/m);
  }));

test('a version of the stream has the measures of its own predictions, not of a held-out part', () =>
  inFolder(async (models) => {
    const options = sealing(models);
    const stream = { offsets: [4], watermark: Date.UTC(2026, 4, 1) };
    const { version } = await sealArtifact({ ...options, facts: { ...options.facts, stream } });
    expect(await inspected(`tiny@${version}`, models)).toContain('metrics of its own predictions, on the newest rows');
  }));

test('a version says whose lists it learned from the stream, and in which arms', () =>
  inFolder(async (models) => {
    const options = sealing(models);
    const sources = {
      tiny: { rows: 300, arms: { 'net/old': 120 } },
      other: { rows: 40, arms: { 'net/new': 40 } },
    };
    const { version } = await sealArtifact({ ...options, facts: { ...options.facts, trainer: { sources } } });
    const text = await inspected(`tiny@${version}`, models);
    expect(text).toContain('rows learned from the stream, by who served them and in which arm');
    expect(text).toMatch(/^tiny +all +300$/m);
    expect(text).toMatch(/^tiny +net\/old +120$/m);
    expect(text).toMatch(/^other +net\/new +40$/m);
  }));

test('a version says which values of its heads were usual where it was trained', () =>
  inFolder(async (models) => {
    const options = sealing(models);
    const usual = { count: 90, least: 0.001, bounds: [0.1], greatest: 0.75, shares: [0.4, 0.6], missing: 0 };
    const profile = { rows: 90, heads: { click: { ...usual, mean: 0.125, deviation: 0.0625 } }, features: {} };
    const { version } = await sealArtifact({ ...options, facts: { ...options.facts, profile } });
    const text = await inspected(`tiny@${version}`, models);
    expect(text).toMatch(/^head +mean +deviation +least +greatest$/m);
    expect(text).toMatch(/^click +0\.1250 +0\.06250 +0\.001000 +0\.7500$/m);
  }));
