import { expect, test } from '@jest/globals';
import { folderDoubt } from '../../cli/ranker.js';
import { parseDefinition, type Ranker } from '../../src/definition/index.js';

const definition = parseDefinition(`
name: clips
features: {item_id: {kind: id, scope: candidate, dim: 4}}
tasks: {click: {kind: binary, label: clicked}}
network: {kind: shared_bottom, bottom: [4]}
score: {form: sum, weights: {click: 1}}`);
const inFolder = (folder: string): Ranker => ({
  ...{ definition, text: '', sql: undefined },
  file: `${folder}/ranker.yaml`,
  sqlFile: `${folder}/dataset.sql`,
});

test('a ranker in a folder of another name is told where its versions go', () => {
  expect(folderDoubt(inFolder('models/clips'))).toBeUndefined();
  expect(folderDoubt(inFolder('models/films'))).toContain('called clips and lies in the folder films');
});
