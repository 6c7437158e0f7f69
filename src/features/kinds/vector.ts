import type { FeatureKind } from '../feature.js';
import { fieldReader, isList, isMissing, numberOf } from '../fields.js';

/** A vector given with the request or item, as it is. Missing, or of another width (counted): all zeros. */
export const vector: FeatureKind<'vector'> = ({ name, scope, definition }) => {
  const { width } = definition;
  return {
    type: 'numbers',
    fromFields: true,
    width,
    reader({ counter }) {
      const read = fieldReader(scope, definition.from ?? name);
      return (entry, out, at) => {
        const value = read(entry);
        if (isList(value) && value.length === width) {
          let finite = true;
          for (let i = 0; i < width; i++) {
            const number = numberOf(value[i]);
            out[at + i] = number;
            finite &&= !Number.isNaN(number);
          }
          if (!finite) counter.unknown++;
        } else {
          counter[isMissing(value) ? 'missing' : 'unknown']++;
          out.fill(Number.NaN, at, at + width);
        }
      };
    },
    encodedWidth: width,
    encoder:
      () =>
      (values, count, { out, stride, offset }) => {
        for (let i = 0; i < count; i++) {
          for (let j = 0; j < width; j++) {
            const value = values[i * width + j] ?? Number.NaN;
            out[i * stride + offset + j] = Number.isNaN(value) ? 0 : value;
          }
        }
      },
  };
};
