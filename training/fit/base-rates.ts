import type { LabelScaling } from './labels.js';
import type { Engine } from './types.js';

const leastRate = 1e-4;

/**
 * Lets every binary head begin at its share of positives: the first steps then learn what tells rows apart, not how rare
 * an outcome is, and a short training is calibrated. Regressions begin at their mean already, which is 0 where they are
 * scaled. Does nothing for an engine without biases of heads.
 */
export async function startAtBaseRates(engine: Engine, scaling: LabelScaling): Promise<void> {
  const state = new Map(await engine.state());
  const biases = scaling.map(({ kind, mean }) => {
    if (kind === 'regression' || Number.isNaN(mean)) return 0;
    const rate = Math.min(1 - leastRate, Math.max(leastRate, mean));
    return Math.log(rate / (1 - rate));
  });
  const names = ['parameters/heads/bias', 'average/heads/bias'].filter((name) => state.has(name));
  if (names.length === 0) return;
  for (const name of names) state.set(name, Float32Array.from(biases));
  await engine.load(state);
}
