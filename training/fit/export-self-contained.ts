import { InferenceSession, Tensor } from 'onnxruntime-node';
import { verifyGolden, type LoadedArtifact } from '../../src/artifact/index.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import type { FeatureBatch } from '../../src/features/index.js';
import { decodeModel, encodeModel, GraphBuilder } from '../compile/index.js';
import {
  denseInput,
  hash64,
  isSingle,
  selfContainedFeeds,
  selfContainedInputs,
  type Side,
} from './self-contained-inputs.js';
import { isRounded } from './serving.js';

const missing = 0n;
const largest = 2n ** 63n - 1n;

/**
 * One ONNX file that needs nothing else: the serving graph with the embedding tables inside, standard operators only.
 * docs/artifact.md describes its inputs (selfContainedInputs) and how ids are hashed.
 */
export function exportSelfContained({ artifact }: { readonly artifact: LoadedArtifact }): Uint8Array {
  const { manifest, parameters } = artifact;
  const serving = decodeModel(artifact.graph);
  const inputs = selfContainedInputs(artifact);
  const front = new GraphBuilder();
  // Every name of the serving graph is taken: its nodes follow these in one graph.
  for (const name of namesOf(serving.graph)) if (name !== 'request' && name !== 'candidate') front.reserve(name);
  for (const { name, dtype, shape } of inputs) front.input(name, dtype, shape);
  const tables = new Map([...artifact.tables].map(([name, table]) => [name, bake(front, name, table)]));
  for (const side of ['request', 'candidate'] as const) {
    const width = manifest.layout[`${side}Width`];
    const entries = side === 'request' ? 'requests' : 'rows';
    const columns = columnsOf(front, artifact, { side, tables });
    const matrix = columns.length === 1 ? (columns[0] as string) : front.node('Concat', columns, { axis: 1 });
    front.output(matrix, side, { dtype: 'float32', shape: [entries, width] });
  }
  const metadata = {
    'watchnext.ranker': manifest.ranker,
    'watchnext.version': manifest.version,
    'watchnext.tasks': JSON.stringify(manifest.tasks.map(({ name }) => name)),
    'watchnext.inputs': JSON.stringify(
      inputs.map(({ name, slots }) => ({
        name,
        features: slots.map(({ slot, column }) => ({ feature: slot.feature, column, width: slot.width })),
      })),
    ),
    'watchnext.features': JSON.stringify(parameters),
  };
  const added = front.build(manifest.ranker, metadata);
  return encodeModel({
    ...serving,
    metadataProps: [...serving.metadataProps, ...added.metadataProps],
    graph: {
      ...serving.graph,
      node: [...added.graph.node, ...serving.graph.node],
      initializer: [...added.graph.initializer, ...serving.graph.initializer],
      input: [
        ...added.graph.input,
        ...serving.graph.input.filter(({ name }) => name !== 'request' && name !== 'candidate'),
      ],
    },
  });
}

/** Of a rounded network: the file's means of embeddings may differ in their last bit, which may be one step of what is rounded. */
const roundedTolerance = 0.01;

/** Runs the file's golden rows on ONNX Runtime; throws `artifact_damaged` where it does not score as the trainer did. */
export async function verifySelfContained(artifact: LoadedArtifact, bytes: Uint8Array): Promise<void> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const score = async (batch: FeatureBatch): Promise<{ heads: Float32Array }> => {
    const feeds = [...selfContainedFeeds(artifact, batch)].map(
      ([name, { dtype, values, dims }]) => [name, new Tensor(dtype, values as Float32Array, dims)] as const,
    );
    const { heads } = await session.run(Object.fromEntries(feeds));
    return { heads: heads?.data as Float32Array };
  };
  try {
    await verifyGolden({
      golden: artifact.golden,
      tasks: artifact.manifest.tasks.map(({ name }) => name),
      score,
      ...(isRounded(artifact.definition) && { tolerance: roundedTolerance }),
    });
  } finally {
    await session.release();
  }
}

/** A side's encoding from left to right: runs of dense columns, and the mean of each embedded slot's rows. */
function columnsOf(
  front: GraphBuilder,
  { manifest, definition }: LoadedArtifact,
  { side, tables }: { side: Side; tables: ReadonlyMap<string, BakedTable> },
): string[] {
  const slots = manifest.layout.slots.filter((slot) => slot.side === side);
  const width = slots.reduce((sum, slot) => sum + (slot.table === undefined ? slot.width : 0), 0);
  const columns: string[] = [];
  let from = 0;
  let to = 0;
  const endRun = (): void => {
    if (to > from) columns.push(slice(front, denseInput(side), { from, to, width }));
    from = to;
  };
  for (const { feature, table, width: slotWidth } of slots) {
    if (table === undefined) {
      to += slotWidth;
    } else {
      endRun();
      columns.push(pool(front, tables.get(table) as BakedTable, { feature, single: isSingle(definition, feature) }));
    }
  }
  endRun();
  return columns.length === 0 ? [denseInput(side)] : columns;
}

function slice(
  front: GraphBuilder,
  input: string,
  { from, to, width }: { from: number; to: number; width: number },
): string {
  if (from === 0 && to === width) return input;
  return front.node('Slice', [input, int64(front, [from]), int64(front, [to]), int64(front, [1])]);
}

/** A table as weights: hashes in ascending order, filled up to a power of two, and rows with zeros before them. */
interface BakedTable {
  readonly hashes: string; // [2^steps]
  readonly rows: string; // [size + 1, dim]
  readonly size: number;
  readonly steps: number;
}

function bake(front: GraphBuilder, name: string, table: EmbeddingTable): BakedTable {
  const { keys, values } = table.contents();
  const hash = BigInt64Array.from({ length: table.size }, (_, row) =>
    hash64(keys[2 * row] as number, keys[2 * row + 1] as number),
  );
  const order = Uint32Array.from(hash.keys()).sort((a, b) => ((hash[a] as bigint) < (hash[b] as bigint) ? -1 : 1));
  // An empty table has one row of zeros for a hash that nothing has.
  const size = Math.max(1, table.size);
  const steps = Math.ceil(Math.log2(size));
  const hashes = new BigInt64Array(2 ** steps).fill(largest);
  const rows = new Float32Array((size + 1) * table.dim);
  order.forEach((row, place) => {
    hashes[place] = hash[row] as bigint;
    rows.set(values.subarray(row * table.dim, (row + 1) * table.dim), (place + 1) * table.dim);
  });
  return {
    hashes: front.weight(`tables/${name}/hashes`, hashes, [hashes.length]),
    rows: front.weight(`tables/${name}/rows`, rows, [size + 1, table.dim]),
    size,
    steps,
  };
}

/**
 * [n, dim] mean of the rows of a slot's ids. Rows are found by binary search, unrolled into log2(rows) rounds of Gather,
 * compare and Where: half a microsecond per id at a million rows (one core). Comparing with every hash would cost the
 * table's size for each id.
 */
function pool(
  front: GraphBuilder,
  table: BakedTable,
  { feature, single }: { feature: string; single: boolean },
): string {
  const scope = { scope: `embed/${feature}` };
  const node = (op: string, inputs: string[], attributes = {}): string => front.node(op, inputs, attributes, scope);
  const ids = single ? node('Unsqueeze', [feature, int64(front, [1])]) : feature;
  let place = node('Sub', [ids, ids]);
  for (let step = table.steps - 1; step >= 0; step -= 1) {
    const probe = node('Add', [place, int64(front, [2 ** step])]);
    const reached = node('LessOrEqual', [node('Gather', [table.hashes, probe]), ids]);
    place = node('Where', [reached, probe, place]);
  }
  // Only the one hash that fills the table up can lead beyond its rows.
  place = node('Min', [place, int64(front, [table.size - 1])]);
  const found = node('Equal', [node('Gather', [table.hashes, place]), ids]);
  const row = node('Where', [found, node('Add', [place, int64(front, [1])]), int64(front, [0])]);
  const sum = node('ReduceSum', [node('Gather', [table.rows, row]), int64(front, [1])], { keepdims: 0 });
  const present = node('Not', [node('Equal', [ids, front.constant(BigInt64Array.of(missing), [1])])]);
  const count = node('ReduceSum', [node('Cast', [present], { to: 1 }), int64(front, [1])], { keepdims: 1 });
  return node('Div', [sum, node('Max', [count, front.constant(Float32Array.of(1), [1])])]);
}

const int64 = (front: GraphBuilder, values: readonly number[]): string =>
  front.constant(BigInt64Array.from(values, BigInt), [values.length]);

function namesOf(graph: ReturnType<typeof decodeModel>['graph']): Set<string> {
  return new Set([
    ...graph.node.flatMap(({ name, output }) => [name, ...output]),
    ...graph.initializer.map(({ name }) => name ?? ''),
    ...graph.input.map(({ name }) => name),
    ...graph.output.map(({ name }) => name),
  ]);
}
