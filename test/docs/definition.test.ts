import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { featureExamples, partExamples } from '../../cli/reference-examples.js';
import { referencePage } from '../../cli/reference-page.js';
import { parseDefinition, RankerSchema } from '../../src/definition/index.js';
import { trainingSettings } from '../../training/fit/index.js';

const page = referencePage(RankerSchema);

interface Node {
  readonly description?: string;
  readonly const?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly oneOf?: readonly Node[];
}

/** Every key there is, with its path. */
const keysOf = (node: Node, path = ''): [path: string, node: Node][] => [
  ...Object.entries(node.properties ?? {}).flatMap(([key, value]): [string, Node][] => [
    [`${path}${key}`, value],
    ...keysOf(value, `${path}${key}.`),
  ]),
  ...Object.values(node.patternProperties ?? {}).flatMap((value) => keysOf(value, `${path}*.`)),
  ...(node.oneOf ?? []).flatMap((kind) => keysOf(kind, `${path}${kind.properties?.['kind']?.const ?? ''}.`)),
];

describe('the reference of ranker.yaml', () => {
  test('is what the schema says', () => {
    const written = readFileSync('docs/definition.md', 'utf8');
    expect(
      written === page ? 'the same' : 'run: npm run build && npx watchnext schema --markdown > docs/definition.md',
    ).toBe('the same');
  });

  test('has a meaning for every key', () => {
    const keys = keysOf(RankerSchema);
    expect(keys.length).toBeGreaterThan(90);
    const silent = keys.filter(([, { description, const: fixed }]) => description === undefined && fixed === undefined);
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test('has examples that make one valid ranker, one for every kind of feature', () => {
    const features = Object.values(featureExamples).map((line) => `  ${line}`);
    const text = ['name: example', 'features:', ...features, ...Object.values(partExamples)].join('\n');
    expect(Object.values(parseDefinition(text).features).map(({ kind }) => kind)).toEqual(Object.keys(featureExamples));
    for (const example of [...Object.values(featureExamples), ...Object.values(partExamples)]) {
      expect(page).toContain(example);
    }
  });

  test('states the defaults that training has', () => {
    const text = `name: x\nfeatures: {a: {kind: number, scope: user}}\ntasks: {t: {kind: binary, label: l}}\nnetwork: {kind: mmoe}\nscore: {form: sum, weights: {t: 1}}`;
    const settings = trainingSettings(parseDefinition(text));
    const stated = Object.fromEntries(
      keysOf(RankerSchema.properties.training).map(([path, node]) => [path, node.default]),
    );
    expect({
      batch: stated['batch'],
      epochs: stated['epochs'],
      embeddingInit: stated['embedding_init'],
      embeddingPenalty: stated['embedding_penalty'],
      reinitialiseEmbeddings: stated['reinitialise_embeddings'],
      progressiveRate: stated['progressive_rate'],
      seed: stated['seed'],
    }).toEqual({
      batch: settings.batch,
      epochs: settings.epochs,
      embeddingInit: settings.embeddingInit,
      embeddingPenalty: settings.embeddingPenalty,
      reinitialiseEmbeddings: settings.reinitialiseEmbeddings,
      progressiveRate: settings.progressiveRate,
      seed: settings.seed,
    });
  });
});
