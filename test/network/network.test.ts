import { beforeAll, describe, expect, test } from '@jest/globals';
import { SeededRandom } from '../../training/fit/random.js';
import { tf } from '../../training/compile/index.js';
import { createNetwork, initialParameters } from '../../training/network/index.js';
import { filled, logitsOf, numbers, randomMatrix, randomParameters, shapeOf } from './builder.js';
import { referenceRow } from './reference.js';

beforeAll(() => tf.setBackend('cpu'));

const noise = {};
const requestOf = tf.tensor1d([0, 0, 1], 'int32');
const request = tf.tensor2d([[1, 2], [0, -1]]); // prettier-ignore
const candidate = tf.tensor2d([[3], [-3], [4]]);
const inputs = { request, candidate, requestOf, noise };

describe('with every weight 1 and every bias 0, values can be counted by hand', () => {
  // The rows' inputs sum to 6, 0 and 3.
  test('independent: two units of the sum, three of twice the sum, their sum', () => {
    const shape = shapeOf({ kind: 'independent', bottom: [2], towers: [3] });
    const network = createNetwork(shape);
    expect(
      logitsOf(
        shape,
        filled(network, () => 1),
        inputs,
      ),
    ).toEqual([36, 36, 0, 0, 18, 18]);
  });

  test('shared bottom: the same numbers from one bottom', () => {
    const shape = shapeOf({ kind: 'shared_bottom', bottom: [2], towers: [3] });
    const network = createNetwork(shape);
    expect(
      logitsOf(
        shape,
        filled(network, () => 1),
        inputs,
      ),
    ).toEqual([36, 36, 0, 0, 18, 18]);
    expect(network.parameters.find(({ name }) => name === 'bottom/0/weights')?.shape).toEqual([3, 1, 2]);
  });

  test('mmoe: equal gates mix equal experts', () => {
    const shape = shapeOf({ kind: 'mmoe', experts: 4, expert_layers: [2], towers: [1] }, { count: 3 });
    const network = createNetwork(shape);
    const { logits, gates } = network.forward(
      filled(network, () => 1),
      inputs,
    );
    expect(numbers(logits)).toEqual([12, 12, 12, 0, 0, 0, 6, 6, 6]);
    expect(gates?.shape).toEqual([3, 3, 4]);
    expect(new Set(numbers(gates!))).toEqual(new Set([0.25]));
  });

  test('without any hidden layer a head is a linear function of the inputs', () => {
    const shape = shapeOf({ kind: 'independent', bottom: [], towers: [] });
    const network = createNetwork(shape);
    expect(
      logitsOf(
        shape,
        filled(network, () => 1),
        inputs,
      ),
    ).toEqual([6, 6, 0, 0, 3, 3]);
  });
});

describe.each([
  ['on a bottom layer', [6]],
  ['on the inputs', []],
])('mmoe %s', (_, bottom) => {
  const shape = shapeOf(
    { kind: 'mmoe', bottom, experts: 3, expert_layers: [5], towers: [4] },
    { requestWidth: 4, candidateWidth: 3, count: 2 },
  );
  const network = createNetwork(shape);
  const parameters = randomParameters(network);
  const batch = { request: randomMatrix(2, 4), candidate: randomMatrix(5, 3), noise };
  const owners = [0, 0, 0, 1, 1];

  test('computes per row what plain loops over the joined inputs compute', () => {
    const { logits, gates } = network.forward(parameters, { ...batch, requestOf: tf.tensor1d(owners, 'int32') });
    const [requests, candidates] = [batch.request.arraySync(), batch.candidate.arraySync()];
    owners.forEach((owner, row) => {
      const expected = referenceRow(parameters, requests[owner]!, candidates[row]!, bottom.length > 0);
      (logits.arraySync()[row] ?? []).forEach((logit, task) => expect(logit).toBeCloseTo(expected.logits[task]!, 5));
      (gates!.arraySync()[row] ?? [])
        .flat()
        .forEach((gate, i) => expect(gate).toBeCloseTo(expected.gates.flat()[i]!, 6));
    });
  });

  test('a request of its own per row needs no gather and gives the same', () => {
    const own = { request: randomMatrix(5, 4), candidate: batch.candidate, noise };
    const gathered = network.forward(parameters, { ...own, requestOf: tf.tensor1d([0, 1, 2, 3, 4], 'int32') });
    const direct = numbers(network.forward(parameters, own).logits);
    numbers(gathered.logits).forEach((logit, i) => expect(direct[i]).toBeCloseTo(logit, 5));
  });

  test('the gradient of a request is the sum over its rows', () => {
    const loss = (owner: number[]) => (x: tf.Tensor) =>
      network
        .forward(parameters, { ...batch, request: x as tf.Tensor2D, requestOf: tf.tensor1d(owner, 'int32') })
        .logits.sum();
    const shared = tf.grad(loss(owners))(batch.request).arraySync() as number[][];
    const repeated = tf.gather(batch.request, tf.tensor1d(owners, 'int32'));
    const single = tf
      .grad(loss([0, 1, 2, 3, 4]))(repeated)
      .arraySync() as number[][];
    const summed = [0, 1].map((owner) =>
      [0, 1, 2, 3].map((column) =>
        owners.reduce((sum, o, row) => (o === owner ? sum + single[row]![column]! : sum), 0),
      ),
    );
    shared.flat().forEach((value, i) => expect(value).toBeCloseTo(summed.flat()[i]!, 5));
  });
});

describe('experts in turn give what experts side by side give', () => {
  const sides = [
    { requestWidth: 4, candidateWidth: 3 },
    { requestWidth: 4, candidateWidth: 0 },
    { requestWidth: 0, candidateWidth: 3 },
  ];
  test.each([
    ['on the inputs', []],
    ['on a bottom layer', [6]],
  ])('%s, of either side and both, beside a screen', (_, bottom) => {
    for (const { requestWidth, candidateWidth } of sides) {
      const shape = {
        ...shapeOf({ kind: 'mmoe', bottom, experts: 3, expert_layers: [5, 2] }, { requestWidth, candidateWidth }),
        screenCells: 2,
      };
      const network = createNetwork(shape);
      const parameters = randomParameters(network);
      const batch = {
        request: randomMatrix(2, requestWidth),
        candidate: randomMatrix(5, candidateWidth),
        requestOf: tf.tensor1d([0, 0, 0, 1, 1], 'int32'),
        screen: tf.tensor1d([0, 1, -1, 1, 0], 'int32'),
        noise,
      };
      const together = numbers(network.forward(parameters, batch).logits);
      const inTurn = numbers(network.forward(parameters, { ...batch, inTurn: true }).logits);
      expect(inTurn).toHaveLength(10);
      inTurn.forEach((logit, i) => expect(logit).toBeCloseTo(together[i]!, 5));
    }
  });
});

describe('gate dropout', () => {
  const shape = shapeOf(
    { kind: 'mmoe', experts: 4, expert_layers: [3], towers: [2], gate_dropout: 0.1 },
    { requestWidth: 3, candidateWidth: 2 },
  );
  const network = createNetwork(shape);
  const parameters = randomParameters(network);
  const batch = { request: randomMatrix(3, 3), candidate: randomMatrix(3, 2), noise };
  const gatesWith = (keep: number[]) =>
    network.forward(parameters, { ...batch, noise: { 'gates/keep': tf.tensor(keep, [3, 2, 4]) } }).gates!.arraySync();
  const whole = network.forward(parameters, batch).gates!.arraySync();

  test('asks for one draw per row, task and expert', () => {
    expect(network.noise).toEqual([{ name: 'gates/keep', rate: 0.1, kept: 1, shape: ['rows', 2, 4] }]);
  });

  test('gives what is left the whole weight, in the old proportions', () => {
    const keep = Array.from({ length: 24 }, (_, i) => (i % 4 === 1 ? 0 : 1));
    const dropped = gatesWith(keep);
    whole.flat().forEach((gate, i) => {
      const left = gate[0]! + gate[2]! + gate[3]!;
      const expected = [gate[0]! / left, 0, gate[2]! / left, gate[3]! / left];
      dropped.flat()[i]!.forEach((value, e) => expect(value).toBeCloseTo(expected[e]!, 6));
    });
  });

  test('keeps all where none would be left', () => {
    gatesWith(new Array<number>(24).fill(0))
      .flat(2)
      .forEach((value, i) => expect(value).toBeCloseTo(whole.flat(2)[i]!, 6));
  });

  test('is off when scoring', () => {
    const without = createNetwork({ ...shape, definition: { ...shape.definition, gate_dropout: 0 } });
    expect(without.noise).toEqual([]);
    expect(without.forward(parameters, batch).gates!.arraySync()).toEqual(whole);
  });
});

test('dropout zeroes hidden units and inputs, and scales the rest so that the mean stays', () => {
  const shape = shapeOf(
    { kind: 'shared_bottom', bottom: [2], towers: [], dropout: 0.5, input_dropout: 0.2 },
    { count: 1 },
  );
  const network = createNetwork(shape);
  expect(network.noise.map(({ name, rate, kept, shape: size }) => [name, rate, kept, size])).toEqual([
    ['bottom/0/keep', 0.5, 2, ['rows', 1, 2]],
    ['inputs/request/keep', 0.2, 1.25, ['requests', 2]],
    ['inputs/candidate/keep', 0.2, 1.25, ['rows', 1]],
  ]);
  const dropped = {
    'bottom/0/keep': tf.tensor([2, 0, 2, 2, 0, 0], [3, 1, 2]),
    'inputs/request/keep': tf.tensor2d([[1.25, 0], [0, 0]]), // prettier-ignore
    'inputs/candidate/keep': tf.tensor2d([[0], [1.25], [1.25]]),
  };
  // Row 0: 1.25 in both units, one dropped, the other doubled. Row 1: 1.25 - 3.75 < 0. Row 2: both dropped.
  expect(
    logitsOf(
      shape,
      filled(network, () => 1),
      { ...inputs, noise: dropped },
    ),
  ).toEqual([2.5, 0, 0]);
});

test('a side without columns is left out', () => {
  const shape = shapeOf(
    { kind: 'mmoe', experts: 2, expert_layers: [2], towers: [] },
    { requestWidth: 0, candidateWidth: 1 },
  );
  const network = createNetwork(shape);
  expect(network.parameters[0]?.shape).toEqual([1, 2, 2]);
  const alone = { request: tf.zeros<tf.Rank.R2>([2, 0]), candidate, requestOf, noise };
  expect(
    logitsOf(
      shape,
      filled(network, () => 1),
      alone,
    ),
  ).toEqual([6, 6, 0, 0, 8, 8]);
});

test('multiplications are counted on the side where they are done', () => {
  const { multiplications } = createNetwork(
    shapeOf(
      { kind: 'mmoe', bottom: [10], experts: 4, expert_layers: [6, 5], towers: [3] },
      { requestWidth: 7, candidateWidth: 2, count: 2 },
    ),
  );
  expect(multiplications.perRequest).toBe(7 * 10);
  const experts = 4 * (10 * 6 + 6 * 5);
  const gates = 2 * 4 * 10;
  expect(multiplications.perCandidate).toBe(2 * 10 + experts + gates + 2 * 4 * 5 + 2 * (5 * 3 + 3));
});

test('the design’s network has the parameters the design counts', () => {
  const { parameters } = createNetwork(
    shapeOf(
      { kind: 'mmoe', experts: 8, expert_layers: [256, 128], towers: [64] },
      { requestWidth: 128, candidateWidth: 128, count: 4 },
    ),
  );
  expect(parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0)).toBe(830_980);
});

describe('initial parameters', () => {
  const network = createNetwork(
    shapeOf(
      { kind: 'mmoe', bottom: [50], experts: 2, expert_layers: [40], towers: [] },
      { requestWidth: 30, candidateWidth: 20 },
    ),
  );
  const start = initialParameters(network, new SeededRandom(1));

  test('fill their bound: He’s for rectified layers by the inputs of both sides, Glorot’s for linear ones', () => {
    const bound = (name: string): number => Math.max(...start.get(name)!.map(Math.abs));
    expect(bound('bottom/0/weights')).toBeCloseTo(Math.sqrt(6 / 50), 2);
    expect(bound('experts/0/weights')).toBeCloseTo(Math.sqrt(6 / 50), 2);
    expect(bound('heads/weights')).toBeCloseTo(Math.sqrt(6 / 41), 1);
    expect(bound('experts/0/bias')).toBe(0);
  });

  test('depend on the seed alone', () => {
    expect(initialParameters(network, new SeededRandom(1))).toEqual(start);
    expect(initialParameters(network, new SeededRandom(2))).not.toEqual(start);
  });
});
