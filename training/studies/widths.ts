import type { NetworkDefinition, RankerDefinition } from '../../src/definition/index.js';
import { inputLayout } from '../../src/features/index.js';
import { createNetwork } from '../network/index.js';

/** Multiplications of the network per candidate: the paper's proxy for what serving costs. */
export const multiplicationsOf = (definition: RankerDefinition, network: NetworkDefinition): number => {
  const { requestWidth, candidateWidth } = inputLayout(definition);
  const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
  return createNetwork({ definition: network, tasks, requestWidth, candidateWidth }).multiplications.perCandidate;
};

export interface SolvedNetwork {
  readonly network: NetworkDefinition;
  readonly multiplications: number;
}

/** Of a family of networks by width, the one whose multiplications per candidate come nearest to a number. */
export const nearestWidth = (
  definition: RankerDefinition,
  networkOf: (width: number) => NetworkDefinition,
  wanted: number,
): SolvedNetwork => {
  const solved = (width: number): SolvedNetwork => {
    const network = networkOf(width);
    return { network, multiplications: multiplicationsOf(definition, network) };
  };
  let [low, high] = [1, 2];
  while (solved(high).multiplications < wanted) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (solved(middle).multiplications < wanted) low = middle;
    else high = middle;
  }
  const off = ({ multiplications }: SolvedNetwork): number => Math.abs(multiplications - wanted);
  const [below, above] = [solved(low), solved(high)];
  return off(below) <= off(above) ? below : above;
};
