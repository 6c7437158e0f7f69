import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { decodeGolden, encodeGolden } from '../../src/artifact/golden.js';
import { contentHash, parseManifest, renderManifest, sealManifest } from '../../src/artifact/manifest.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { tinyModel } from './model.js';

const golden = readFileSync(new URL('../golden/manifest-v1.json', import.meta.url), 'utf8');

/** The same with what was usual where it was trained, which versions before had not. */
const profiledGolden = readFileSync(new URL('../golden/manifest-profile-v1.json', import.meta.url), 'utf8');

const content = {
  format: 1 as const,
  ranker: 'tiny',
  version: '20260430T235959Z-000000',
  created: '2026-04-30T23:59:59.000Z',
  fingerprint: '0123456789abcdef',
  definition: { text: 'name: tiny\n', value: { name: 'tiny' } as RankerDefinition },
  graph: { opset: 18, inputs: [{ name: 'request', dtype: 'float32', shape: ['requests', 4] }], outputs: [] },
  tasks: [{ name: 'click', kind: 'binary' as const }],
  layout: { requestWidth: 4, candidateWidth: 0, slots: [], tables: [], biasCells: 0 },
  tables: [{ name: 'user_id', dim: 4, rows: 7 }],
  data: { from: '2026-04-01T00:00:00.000Z', until: '2026-04-30T00:00:00.000Z', rows: 3 },
  seed: 1,
  metrics: { click: { auc: 0.75 } },
  trainer: { engine: 'onnx' },
  gitCommit: 'abc',
  files: [{ path: 'graph.onnx', bytes: 5, sha256: '00' }],
};

describe('manifest.json', () => {
  test('has the golden text of format version 1', () => {
    const manifest = sealManifest(content);
    expect(renderManifest(manifest)).toBe(golden);
    expect(parseManifest(golden, 'manifest.json')).toEqual(manifest);
  });

  test('may have a profile, of golden text too', () => {
    const { gitCommit, files, ...before } = content;
    const numbers = { count: 1000, least: 0.125, bounds: [0.25, 0.5], greatest: 0.75, shares: [0.25, 0.5, 0.25] };
    const profile = {
      rows: 1000,
      heads: { click: { ...numbers, missing: 0, mean: 0.375, deviation: 0.125 } },
      features: { user_id: { count: 100, shares: new Array<number>(16).fill(0.0625), missing: 0.5 } },
    };
    const manifest = sealManifest({ ...before, profile, gitCommit, files });
    expect(renderManifest(manifest)).toBe(profiledGolden);
    expect(parseManifest(profiledGolden, 'manifest.json')).toEqual(manifest);
    expect(contentHash(manifest)).toBe(contentHash(content));
  });

  test('of a newer format says that a newer program is needed, of an older one that it is to be trained again', () => {
    const hintOf = (format: number): string | undefined => {
      try {
        parseManifest(golden.replace('"format": 1', `"format": ${format}`), 'manifest.json');
        return 'read';
      } catch (error) {
        return (error as WatchnextError).problems[0]?.hint;
      }
    };
    expect(hintOf(2)).toMatch(/newer watchnext/);
    expect(hintOf(0)).toMatch(/train again/);
  });

  test.each([
    ['a share above 1', profiledGolden.replace('0.0625', '2'), '/profile'],
    ['another format', golden.replace('"format": 1', '"format": 2'), 'version 2'],
    ['a changed number', golden.replace('"rows": 7', '"rows": 8'), 'checksum'],
    ['another type', golden.replace('"seed": 1', '"seed": "1"'), '/seed'],
    ['no time', golden.replace('"until": "2026-04-30T00:00:00.000Z"', '"until": ""'), '/data/until'],
    ['a missing part', golden.replace(/ {2}"seed": 1,\n/, ''), '/seed'],
    ['other white space', golden.replace('"seed": 1', '"seed":  1'), 'checksum'],
    ['null', 'null', 'manifest.json'],
    ['half of it', golden.slice(0, 300), 'JSON'],
  ])('is refused with %s', (_, text, why) => {
    expect(() => parseManifest(text, 'manifest.json')).toThrow(WatchnextError);
    expect(() => parseManifest(text, 'manifest.json')).toThrow(why);
  });

  test('names a version by what it computes with, not by its report', () => {
    const hash = contentHash(content);
    const withFile = (path: string, sha256: string): string =>
      contentHash({ ...content, files: [...content.files, { path, bytes: 1, sha256 }] });
    expect(withFile('report.md', '11')).toBe(hash);
    expect(withFile('tables/user_id.bin', '11')).not.toBe(hash);
    expect(withFile('tables/user_id.bin', '11')).not.toBe(withFile('tables/user_id.bin', '22'));
  });
});

describe('golden.bin', () => {
  const bytes = encodeGolden(tinyModel().golden);

  test('begins with the golden bytes of format version 1', () => {
    // "wngolden", version 1, 3 rows, 2 tasks, bytes of the batch; then 0.25 and 301 as float32.
    expect(Buffer.from(bytes.subarray(0, 20)).toString('hex')).toBe('776e676f6c64656e010000000300000002000000');
    expect(Buffer.from(bytes.subarray(24, 32)).toString('hex')).toBe('0000803e00809643');
  });

  test.each([
    ['magic', 0],
    ['version', 8],
    ['rows', 12],
    ['tasks', 17],
    ['size of the batch', 20],
    ['batch', bytes.length - 9],
  ])('is refused when its %s is damaged', (_, at) => {
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 0x41;
    expect(() => decodeGolden(damaged)).toThrow(WatchnextError);
    expect(() => decodeGolden(bytes.subarray(0, at))).toThrow(WatchnextError);
  });
});
