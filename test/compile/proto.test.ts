import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { decodeModel, elementTypes, encodeModel, GraphBuilder, tf, trace } from '../../training/compile/index.js';
import { runOnnx } from './runtime.js';

const golden = new URL('../golden/tiny-model.onnx', import.meta.url);

/** y = sigmoid(x w + 0.5), x of any number of rows. */
const tiny = () =>
  trace({
    name: 'tiny',
    inputs: [{ name: 'x', dtype: 'float32', shape: ['rows', 2] }],
    constants: [{ name: 'w', shape: [2, 1], values: Float32Array.of(1, -2) }],
    run: ({ x, w }) => ({ y: tf.sigmoid(tf.matMul(x!, w!).add(0.5)) }),
    metadata: { ranker: 'tiny' },
  });

describe('ONNX files', () => {
  test('a tiny model has the bytes it always had', () => {
    expect(Buffer.from(tiny().bytes).toString('hex')).toBe(readFileSync(golden).toString('hex'));
  });

  test('the stored bytes compute what they should', async () => {
    const { y } = await runOnnx(readFileSync(golden), { x: { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] } });
    expect([...y!.data]).toEqual([
      expect.closeTo(1 / (1 + Math.exp(-1.5)), 6),
      expect.closeTo(1 / (1 + Math.exp(1.5)), 6),
    ]);
  });

  test('reading and writing again gives the same bytes', () => {
    const { bytes } = tiny();
    const model = decodeModel(bytes);
    expect(encodeModel(model)).toEqual(bytes);
    expect(model.irVersion).toBe(8);
    expect(model.opsetImport).toEqual([{ domain: '', version: 18 }]);
    expect(model.graph.input[0]?.type.tensorType).toEqual({
      elemType: elementTypes.float32,
      shape: { dim: [{ dimParam: 'rows' }, { dimValue: 2 }] },
    });
    expect(new Float32Array(Uint8Array.from(model.graph.initializer[0]!.rawData).buffer)).toEqual(
      Float32Array.of(1, -2),
    );
  });

  test('a dimension of zero stays a known dimension', () => {
    const graph = new GraphBuilder();
    graph.output(graph.input('x', 'float32', ['rows', 0]), 'y', { dtype: 'float32', shape: ['rows', 0] });
    const [input] = decodeModel(encodeModel(graph.build('empty'))).graph.input;
    expect(input?.type.tensorType.shape.dim).toEqual([{ dimParam: 'rows' }, { dimValue: 0 }]);
  });

  test('weights beyond what a file can hold are refused', () => {
    const { graph, ...rest } = decodeModel(tiny().bytes);
    const huge = {
      dims: [1],
      dataType: elementTypes.float32,
      name: 'huge',
      rawData: { byteLength: 2 ** 31 } as Uint8Array,
    };
    expect(() => encodeModel({ ...rest, graph: { ...graph, initializer: [huge] } })).toThrow(/holds at most/);
  });
});

describe('a graph built by hand', () => {
  test('merges equal nodes and constants, drops unneeded ones and keeps names apart', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', ['n']);
    const two = () => graph.constant(Float32Array.of(2), []);
    const once = graph.node('Mul', [x, two()], {}, { scope: 'double' });
    expect(graph.node('Mul', [x, two()])).toBe(once);
    graph.node('Exp', [x]);
    graph.output(graph.node('Add', [once, x]), 'x3', { dtype: 'float32', shape: ['n'] });
    graph.output(graph.node('Add', [once, two()]), 'x2', { dtype: 'float32', shape: ['n'] });
    const model = graph.build('by-hand');
    expect(model.graph.node.map(({ opType, output }) => [opType, output])).toEqual([
      ['Mul', ['double/Mul']],
      ['Add', ['x3']],
      ['Add', ['x2']],
    ]);
    expect(model.graph.initializer).toHaveLength(1);
    const result = await runOnnx(encodeModel(model), { x: { data: Float32Array.of(1, 5), shape: [2] } });
    expect([[...result['x3']!.data], [...result['x2']!.data]]).toEqual([
      [3, 15],
      [4, 12],
    ]);
  });
});
