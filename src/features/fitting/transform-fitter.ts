import type { RankerDefinition } from '../../definition/index.js';
import { WatchnextError } from '../../errors.js';
import { compileFeatures } from '../compile.js';
import type { FeatureBatch, FeatureParameters } from '../types.js';

/**
 * Fits everything that encoding needs over the raw values of the training data: one pass, bounded memory, the same result
 * for the same data however it is cut into batches. Request-side values count once per request, candidate-side per row.
 */
export interface TransformFitter {
  observe(batch: FeatureBatch): void;
  finish(): FeatureParameters;
}

export function createTransformFitter(definition: RankerDefinition): TransformFitter {
  const fitters = compileFeatures(definition).flatMap(({ name, feature }) =>
    feature.type === 'numbers' && feature.fitter !== undefined
      ? [{ name, width: feature.width, fitter: feature.fitter() }]
      : [],
  );
  return {
    observe(batch) {
      for (const { name, width, fitter } of fitters) {
        const column = batch.columns.get(name);
        if (column?.type !== 'numbers' || column.width !== width) {
          throw new WatchnextError('data_invalid', `The batch has no column ${name} of ${width} number(s).`);
        }
        fitter.observe(column.values, column.values.length / width);
      }
    },
    finish: () => ({
      version: 1,
      features: Object.fromEntries(fitters.map(({ name, fitter }) => [name, fitter.finish()])),
    }),
  };
}
