import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fieldOf, type FeatureDefinition } from '../src/definition/index.js';
import { hashId, inputLayout, textOf, type Fields, type FieldValue, type InputSlot } from '../src/features/index.js';
import type { ServingModel } from './serving-model.js';

/** How one slot of the input is made, as far as the peers know the kinds. */
type Slot = Readonly<Record<string, unknown>> & { readonly kind: string };

/**
 * The model as files for the peers: its graphs, what was fitted, the embedding rows by text, and the stored entities. Running rates
 * are constants there: the benchmark has no feedback, so that every key is as unknown to the service.
 */
export const writeServingBundle = async (model: ServingModel, folder: string): Promise<void> => {
  const { definition, split, joined, rounded } = model;
  const layout = inputLayout(definition);
  const { vocabularies, matrix, dim } = embeddingsOf(model, layout.slots);
  const spec = {
    tasks: Object.keys(definition.tasks),
    weights: Object.keys(definition.tasks).map((task) => definition.score.weights[task] ?? 0),
    widths: { request: layout.requestWidth, candidate: layout.candidateWidth },
    slots: layout.slots.map((slot) => describe(slot, model)),
    vocabularies,
    dim,
  };
  const byId = (list: ServingModel['items']) => Object.fromEntries(list.map((fields) => [fields.id, fields]));
  await Promise.all([
    writeFile(join(folder, 'split.onnx'), split.graph),
    writeFile(join(folder, 'joined.onnx'), joined.graph),
    writeFile(join(folder, 'rounded.onnx'), rounded.graph),
    writeFile(join(folder, 'embeddings.bin'), new Uint8Array(matrix.buffer)),
    writeFile(join(folder, 'spec.json'), JSON.stringify(spec)),
    writeFile(join(folder, 'entities.json'), JSON.stringify({ items: byId(model.items), users: byId(model.users) })),
  ]);
};

const describe = (slot: InputSlot, { definition, parameters, split }: ServingModel): Slot => {
  const { feature: name, side, offset, width, table } = slot;
  const feature = definition.features[name];
  if (feature === undefined) throw new Error(`no feature is called ${name}`);
  const fit = parameters.features[name];
  const place = { side, offset, width, place: feature.scope, field: fieldOf(name, feature) };
  const standardised = { mean: fit?.['mean']?.[0], scale: fit?.['scale']?.[0] };
  switch (feature.kind) {
    case 'number': {
      const { min = null, max = null } = feature;
      return { ...place, kind: 'number', ...standardised, min, max, log1p: feature.transform === 'log1p' };
    }
    case 'time':
      return feature.unit === 'age'
        ? { ...place, kind: 'age', ...standardised, min: null, max: null, log1p: true }
        : { ...place, kind: feature.unit, timezone: feature.timezone ?? 'UTC' };
    case 'rate': {
      const row = side === 'request' ? split.inputs.request : split.inputs.candidate;
      return { ...place, kind: 'constant', values: [...row.subarray(offset, offset + width)] };
    }
    case 'id':
    case 'category':
    case 'ids':
      if (table === undefined) break;
      return feature.kind === 'ids'
        ? { ...place, kind: 'ids', table, last: feature.last ?? 50 }
        : { ...place, kind: 'id', table };
    case 'count':
    case 'history':
    case 'vector':
  }
  throw new Error(`the peers do not know features like ${name}`);
};

/** One matrix for all tables, its first row zeros, and by table and text which row. */
const embeddingsOf = (model: ServingModel, slots: readonly InputSlot[]) => {
  const texts = new Map<string, Set<string>>();
  for (const slot of slots) {
    const feature = model.definition.features[slot.feature];
    if (slot.table === undefined || feature === undefined) continue;
    const known = texts.get(slot.table) ?? new Set<string>();
    texts.set(slot.table, known);
    for (const fields of entitiesOf(model, feature.scope))
      for (const text of textsOf(fields[fieldOf(slot.feature, feature)])) known.add(text);
  }
  const dim = slots.find(({ table }) => table !== undefined)?.width ?? 1;
  const rows: Float32Array[] = [new Float32Array(dim)];
  const vocabularies: Record<string, Record<string, number>> = {};
  for (const [table, known] of texts) {
    const { keys, values } = model.tables.get(table)?.contents() ?? { keys: [], values: new Float32Array(0) };
    const places = new Map(
      Array.from({ length: keys.length / 2 }, (_, row) => [`${keys[2 * row]}:${keys[2 * row + 1]}`, row]),
    );
    const vocabulary: Record<string, number> = (vocabularies[table] = {});
    for (const text of known) {
      const row = places.get(hashId(text).join(':'));
      if (row === undefined) continue;
      vocabulary[text] = rows.length;
      rows.push(values.subarray(row * dim, (row + 1) * dim));
    }
  }
  const matrix = new Float32Array(rows.length * dim);
  rows.forEach((row, at) => matrix.set(row, at * dim));
  return { vocabularies, matrix, dim };
};

const entitiesOf = ({ items, users, contexts }: ServingModel, scope: FeatureDefinition['scope']): readonly Fields[] =>
  scope === 'context'
    ? contexts
    : scope === 'user'
      ? users.map((user) => ({ ...user, user_id: user.id }))
      : items.map((item) => ({ ...item, item_id: item.id }));

const textsOf = (value: FieldValue): readonly string[] =>
  (Array.isArray(value) ? (value as readonly FieldValue[]) : [value]).flatMap((one) => textOf(one) ?? []);
