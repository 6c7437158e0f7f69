import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeServingBundle } from '../../bench/serving-bundle.js';
import { makeServingModel, type ServingModel } from '../../bench/serving-model.js';
import { hashId, inputLayout } from '../../src/features/index.js';

interface Spec {
  readonly widths: { readonly request: number; readonly candidate: number };
  readonly slots: readonly {
    readonly side: 'request' | 'candidate';
    readonly kind: string;
    readonly offset: number;
    readonly width: number;
    readonly values?: readonly number[];
  }[];
  readonly vocabularies: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly dim: number;
}

let folder: string;
let model: ServingModel;
let spec: Spec;
let matrix: Float32Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-bundle-'));
  model = await makeServingModel('models/kuairand/ranker.yaml', { float32: join(folder, 'models') });
  await writeServingBundle(model, folder);
  spec = JSON.parse(await readFile(join(folder, 'spec.json'), 'utf8')) as Spec;
  const bytes = await readFile(join(folder, 'embeddings.bin'));
  matrix = new Float32Array(Uint8Array.from(bytes).buffer);
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the peers are told of every column of the input, once', () => {
  const { requestWidth, candidateWidth } = inputLayout(model.definition);
  expect(spec.widths).toEqual({ request: requestWidth, candidate: candidateWidth });
  for (const side of ['request', 'candidate'] as const) {
    const told = new Uint8Array(spec.widths[side]);
    for (const { side: of, offset, width } of spec.slots)
      if (of === side) for (let column = offset; column < offset + width; column++) told[column]!++;
    expect(told.every((times) => times === 1)).toBe(true);
  }
});

test('the embedding of a text is the row of its table', () => {
  const { dim, vocabularies } = spec;
  expect([...matrix.subarray(0, dim)]).toEqual(new Array(dim).fill(0));
  const { keys, values } = model.tables.get('author_id')!.contents();
  const known = Object.entries(vocabularies['author_id']!);
  expect(known.length).toBeGreaterThan(100);
  for (const [text, row] of known.slice(0, 50)) {
    const [high, low] = hashId(text);
    const place = Array.from(keys.keys()).find((at) => at % 2 === 0 && keys[at] === high && keys[at + 1] === low)! / 2;
    expect([...matrix.subarray(row * dim, (row + 1) * dim)]).toEqual([
      ...values.subarray(place * dim, (place + 1) * dim),
    ]);
  }
});

test('running rates of nobody are the constants that the encoder makes', () => {
  const rates = spec.slots.filter(({ kind }) => kind === 'constant');
  expect(rates).toHaveLength(Object.values(model.definition.features).filter(({ kind }) => kind === 'rate').length);
  const { rows, candidate } = model.split.inputs;
  const width = candidate.length / rows;
  for (const { side, offset, values } of rates)
    if (side === 'candidate')
      for (const row of [0, rows - 1])
        expect([...candidate.subarray(row * width + offset, row * width + offset + values!.length)]).toEqual(values);
});
