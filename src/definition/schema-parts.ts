import { Type, type Static, type TObject, type TProperties, type TSchema, type TUnsafe } from '@sinclair/typebox';

/** An object whose keys are all known. */
export const object = <P extends TProperties>(properties: P, description: string): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, description });

/** One of a few words: an enum, so that an error can list what is allowed. */
export const word = <const W extends readonly string[]>(
  words: W,
  described: { readonly description: string; readonly default?: W[number] },
): TUnsafe<W[number]> => Type.Unsafe<W[number]>({ type: 'string', enum: [...words], ...described });

/** An object told apart by its `kind`: validators then report errors of the kind meant, not of all. */
export const byKind = <S extends TSchema[]>(...kinds: S): TUnsafe<Static<S[number]>> =>
  Type.Unsafe<Static<S[number]>>({
    type: 'object',
    discriminator: { propertyName: 'kind' },
    required: ['kind'],
    oneOf: kinds,
  });

export const Name = Type.String({
  pattern: '^[a-z][a-z0-9_]*$',
  description: 'lower-case letters, digits and underscores',
});
/** A map from names the owner chooses. */
export const named = <S extends TSchema>(schema: S, description: string): TUnsafe<Record<string, Static<S>>> =>
  Type.Unsafe<Record<string, Static<S>>>(
    Type.Record(Name, schema, { minProperties: 1, additionalProperties: false, description }),
  );

/** Its description starts as an error needs it: "3 days" is not a duration such as … */
export const duration = (meaning: string, standard?: string) =>
  Type.String({
    pattern: '^\\d+(ms|s|m|h|d)$',
    description: `a duration such as 30s, 15m, 6h or 3d: ${meaning}`,
    ...(standard === undefined ? {} : { default: standard }),
  });

/** Of state that is made of feedback. */
export const Delay = duration(
  'feedback becomes visible to state at the next multiple of it (1d: the next midnight), with 0s at once. Take what your service can keep up with: 1d if it is retrained every night',
  'training.feedback_delay',
);
