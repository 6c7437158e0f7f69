import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import { biasShape } from './bias.js';
import { compileFeatures, type CompiledFeature } from './compile.js';
import type { KeysFeature } from './feature.js';
import type { InputLayout, InputSlot, Side, TableSpec } from './types.js';

/**
 * Where each feature's encoding lies in the network's input, and which embedding tables that needs. Slots are in the order
 * of the definition within each side, the request side first.
 */
export function inputLayout(definition: RankerDefinition): InputLayout {
  const features = compileFeatures(definition);
  const tables = new Map<string, TableSpec>();
  for (const { name, feature } of features) {
    if (feature.type === 'numbers' || 'shares' in feature.table) continue;
    tables.set(name, { name, ...feature.table });
  }
  const widths: Record<Side, number> = { request: 0, candidate: 0 };
  const place = (compiled: CompiledFeature): InputSlot => {
    const { name, side, feature } = compiled;
    const offset = widths[side];
    const table = feature.type === 'keys' ? tableOf(compiled, features, tables) : undefined;
    const width = feature.type === 'numbers' ? feature.encodedWidth : (table?.dim ?? 0);
    widths[side] += width;
    return { feature: name, side, offset, width, ...(table === undefined ? {} : { table: table.name }) };
  };
  const sideSlots = (side: Side): InputSlot[] => features.filter((compiled) => compiled.side === side).map(place);
  const slots = [...sideSlots('request'), ...sideSlots('candidate')];
  return {
    requestWidth: widths.request,
    candidateWidth: widths.candidate,
    slots,
    tables: [...tables.values()],
    biasCells: biasShape(definition).cells,
  };
}

/** Follows `shares` to the feature that owns the table. */
function tableOf(
  { name }: CompiledFeature,
  features: readonly CompiledFeature[],
  tables: ReadonlyMap<string, TableSpec>,
): TableSpec {
  const embedded = new Map(
    features.flatMap(({ name, feature }): [string, KeysFeature][] =>
      feature.type === 'keys' ? [[name, feature]] : [],
    ),
  );
  let owner = name;
  for (let hops = 0; hops <= features.length; hops++) {
    const use = embedded.get(owner)?.table;
    if (use === undefined) break;
    if (!('shares' in use)) return tables.get(owner) ?? { name: owner, ...use };
    owner = use.shares;
  }
  throw new WatchnextError('definition_invalid', `Feature ${name} shares a table that nobody owns.`, {
    problems: [
      {
        path: `/features/${name}/shares`,
        message: `leads to ${owner}, which has no embedding table`,
        hint: `name one of: ${[...tables.keys()].join(', ')}`,
      },
    ],
  });
}
