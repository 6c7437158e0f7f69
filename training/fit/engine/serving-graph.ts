import type { RankerDefinition } from '../../../src/definition/index.js';
import { tf, trace, type CompiledModel } from '../../compile/index.js';
import { createNetwork } from '../../network/index.js';
import type { LabelScaling, TaskScaling } from '../labels.js';
import type { EngineOptions, NamedArrays } from '../types.js';
import { servedScreen, treatmentOf } from './treatment.js';

export interface ServingGraphOptions {
  readonly definition: Pick<RankerDefinition, 'name' | 'network' | 'tasks' | 'bias'>;
  readonly layout: EngineOptions['layout'];
  readonly scaling: LabelScaling;
  /** An engine's state; averages are taken where there are any. */
  readonly state: NamedArrays;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The graph that is sealed and served: standard operators, weights inside, open in requests and rows.
 *
 * Inputs `request` [requests, requestWidth], `candidate` [rows, candidateWidth], `request_of` int32 [rows]. Outputs
 * `heads` [rows, tasks] in natural units (a probability; a regression's value with scaling and log1p undone) and, for
 * mmoe, `gates` [rows, tasks, experts]. No noise, no bias tower and no adversary; where the network takes the position as an input,
 * it is a constant: the screen is not known yet.
 */
export const compileServingGraph = (options: ServingGraphOptions): CompiledModel => {
  const { definition, layout, scaling, state, metadata } = options;
  const { requestWidth, candidateWidth, biasCells } = layout;
  const treatment = treatmentOf(definition, biasCells);
  const { screenCells } = treatment;
  const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
  const network = createNetwork({ definition: definition.network, tasks, requestWidth, candidateWidth, screenCells });
  return trace({
    name: definition.name,
    inputs: [
      { name: 'request', dtype: 'float32', shape: ['requests', requestWidth] },
      { name: 'candidate', dtype: 'float32', shape: ['rows', candidateWidth] },
      { name: 'request_of', dtype: 'int32', shape: ['rows'] },
    ],
    constants: network.parameters.map(({ name, shape }) => ({ name, shape, values: servedValues(state, name) })),
    run: (tensors) => {
      const { logits, gates } = network.forward(tensors, {
        request: tensors['request'] as tf.Tensor2D,
        candidate: tensors['candidate'] as tf.Tensor2D,
        requestOf: tensors['request_of'] as tf.Tensor1D,
        noise: {},
        inTurn: true,
        ...servedScreen(treatment),
      });
      return { heads: naturalUnits(logits, scaling), ...(gates === undefined ? {} : { gates }) };
    },
    ...(metadata === undefined ? {} : { metadata }),
  });
};

const servedValues = (state: NamedArrays, name: string): Float32Array => {
  const values = state.get(`average/${name}`) ?? state.get(`parameters/${name}`);
  if (values === undefined) throw new Error(`the state holds no weights named ${name}`);
  return values;
};

/** Task by task, because what overflows in one (e^x) must not reach another. */
const naturalUnits = (logits: tf.Tensor2D, scaling: LabelScaling): tf.Tensor2D =>
  tf.stack(
    tf.unstack(logits, 1).map((logit, task) => naturalUnit(logit, scaling[task] as TaskScaling)),
    1,
  ) as tf.Tensor2D;

const naturalUnit = (logit: tf.Tensor, { kind, transform, mean, deviation }: TaskScaling): tf.Tensor => {
  if (kind === 'binary') return tf.sigmoid(logit);
  const value = logit.mul(deviation).add(mean);
  return transform === 'log1p' ? tf.exp(value).sub(1) : value;
};
