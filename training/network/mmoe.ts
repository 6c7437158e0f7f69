import { tf } from '../compile/index.js';
import { inTurn, stack, type FirstLayerMaker, type LayerOptions } from './layers.js';
import { needsOf, type Part } from './part.js';

export interface MixtureOptions {
  readonly tasks: number;
  /** The layers of every expert; `copies` is how many experts there are. */
  readonly experts: readonly LayerOptions[];
  readonly gateDropout: number;
}

export interface Mixture {
  readonly mixed: tf.Tensor3D; // [tasks, rows, width of the experts]
  readonly gates: tf.Tensor3D; // [rows, tasks, experts]
  readonly experts: tf.Tensor3D; // [rows, experts, width of the experts]
}

/**
 * Multi-gate mixture of experts (Ma et al., KDD 2018): f_k(x) = sum_i g_k(x)_i f_i(x) with g_k(x) = softmax(W_k x), where
 * x is the shared hidden layer (Zhao et al., RecSys 2019) or the inputs.
 *
 * Gate dropout (Zhao et al.): an expert is dropped per row, task and expert, and the softmax is taken over those left,
 * which is what renormalising it gives; a row and task with none left keeps all.
 */
export const mixture = <In>(reader: FirstLayerMaker<In>, options: MixtureOptions): Part<In, Mixture> => {
  const { tasks, gateDropout } = options;
  const { copies, width } = options.experts.at(-1) as LayerOptions;
  const experts = stack(reader, options.experts);
  const expertsInTurn = inTurn(reader, options.experts);
  const gates = reader({ name: 'gates', copies: tasks, width: copies, kind: 'unbiased', dropout: 0 });
  const keepName = 'gates/keep';
  const mixing = {
    parameters: [],
    noise:
      gateDropout === 0
        ? []
        : [{ name: keepName, rate: gateDropout, kept: 1, shape: ['rows' as const, tasks, copies] }],
    multiplications: { perRequest: 0, perCandidate: tasks * copies * width },
  };
  return {
    ...needsOf(experts, gates, mixing),
    apply: (input, tensors) => {
      const logits = gates.apply(input, tensors).transpose([1, 0, 2]);
      const keep = tensors.noise[keepName];
      const weights = tf.softmax(keep === undefined ? logits : logits.add(dropped(keep))) as tf.Tensor3D;
      const byRow =
        tensors.inTurn === true
          ? expertsInTurn(input, tensors)
          : experts.apply(input, tensors).transpose<tf.Tensor3D>([1, 0, 2]);
      return { mixed: tf.matMul(weights, byRow).transpose([1, 0, 2]), gates: weights, experts: byRow };
    },
  };
};

/** 0 where an expert is kept, far below every logit where it is dropped. */
const dropped = (keep: tf.Tensor): tf.Tensor => {
  const noneLeft = tf.sub(1, keep.max(-1, true));
  return keep.add(noneLeft).sub(1).mul(1e9);
};
