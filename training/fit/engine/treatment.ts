import type { RankerDefinition } from '../../../src/definition/index.js';
import { tf } from '../../compile/index.js';
import type { Reversal } from './reversal.js';
import {
  biasParameter,
  createAdversary,
  createBiasTower,
  type ForwardOutputs,
  type NamedTensors,
  type ParameterSpec,
} from '../../network/index.js';

/** What a definition's `bias` makes of the screen, as far as the engine is concerned. */
export interface Treatment {
  /** Cells that the network itself takes as an input. */
  readonly screenCells: number;
  /** The cell that it is served with; undefined where the screen is no input. */
  readonly servedCell?: number;
  /** Share of rows whose cell is missing in training; undefined without a treatment. */
  readonly dropout?: number;
  /** How the reversed gradient rises; undefined where nothing is reversed. */
  readonly reversal?: Reversal;
}

export const treatmentOf = ({ bias }: Pick<RankerDefinition, 'bias'>, cells: number): Treatment => {
  if (bias === undefined || cells === 0) return { screenCells: 0 };
  const { kind = 'tower', dropout = 0, serve_as: servedAs = 'first', weight = 0.1, ramp = 1 } = bias;
  switch (kind) {
    case 'tower':
      return { screenCells: 0, dropout };
    case 'input':
      return { screenCells: cells, servedCell: servedAs === 'first' ? 0 : -1, dropout };
    case 'adversarial':
      return { screenCells: 0, dropout: 0, reversal: { weight, ramp } };
  }
};

/** int32 [1] the screen as the network is served with it, for ForwardInputs; nothing where it is no input. */
export const servedScreen = ({ servedCell }: Treatment): { readonly screen?: tf.Tensor1D } =>
  servedCell === undefined ? {} : { screen: tf.tensor1d([servedCell], 'int32') };

/** What is beside the network while it is trained. */
export interface Beside {
  readonly parameters: readonly ParameterSpec[];
  /** [rows, tasks] as the loss wants them. */
  readonly logits: (outputs: ForwardOutputs, given: BesideInputs) => tf.Tensor2D;
  /** What is minimised: the losses of the tasks, and after them those of what is beside. */
  readonly losses: (ofTasks: tf.Tensor1D, outputs: ForwardOutputs, given: BesideInputs) => tf.Tensor1D;
}

export interface BesideInputs {
  /** By name, those of the network too. */
  readonly parameters: NamedTensors;
  /** [rows] int32, -1 = missing; undefined without a treatment. */
  readonly cells: tf.Tensor1D | undefined;
  /** [1], where the treatment has a reversal. */
  readonly reversal: tf.Tensor1D | undefined;
}

const nothing: Beside = { parameters: [], logits: ({ logits }) => logits, losses: (ofTasks) => ofTasks };

export const besideNetwork = (
  definition: RankerDefinition,
  { cells, sharedWidth }: { readonly cells: number; readonly sharedWidth: number },
): Beside => {
  const { bias, tasks } = definition;
  if (bias === undefined || cells === 0) return nothing;
  switch (bias.kind ?? 'tower') {
    case 'tower': {
      const biased = Object.entries(tasks).map(([name, { kind }]) => ({
        biased: bias.tasks?.includes(name) ?? kind === 'binary',
      }));
      const tower = createBiasTower(cells, biased, bias.rate);
      return {
        ...nothing,
        parameters: tower.parameters,
        logits: ({ logits }, given) =>
          logits.add(tower.logits(given.parameters[biasParameter] as tf.Tensor2D, given.cells as tf.Tensor1D)),
      };
    }
    case 'input':
      return nothing;
    case 'adversarial': {
      const adversary = createAdversary(sharedWidth, cells);
      return {
        ...nothing,
        parameters: adversary.parameters,
        losses: (ofTasks, { shared }, { parameters, cells: index, reversal }) => {
          const loss = adversary.loss(parameters, {
            shared: shared as tf.Tensor,
            cells: index as tf.Tensor1D,
            reversal: reversal as tf.Tensor1D,
          });
          return tf.concat1d([ofTasks, loss.reshape<tf.Tensor1D>([1])]);
        },
      };
    }
  }
};
