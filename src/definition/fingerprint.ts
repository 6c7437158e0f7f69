import { createHash } from 'node:crypto';
import type { RankerDefinition } from './schema.js';

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, canonical(member)]),
  );
};

/**
 * A hash over what changes the model's inputs or the meaning of its outputs: features in order, tasks in order, the
 * network and the state's delay. Score weights and training settings leave it alone, so that they can change between
 * versions that serve the same requests.
 */
export const fingerprint = (definition: RankerDefinition): string => {
  const { name, features, tasks, network, bias, training } = definition;
  const relevant = {
    name,
    features: Object.entries(features),
    tasks: Object.entries(tasks).map(([task, { kind, label, transform, when }]) => [
      task,
      { kind, label, transform, when },
    ]),
    network,
    bias:
      bias === undefined
        ? null
        : {
            // Left out where it is the default: rankers from before there were others keep their fingerprint.
            kind: bias.kind === 'tower' ? undefined : bias.kind,
            features: bias.features,
            positions: bias.positions,
            tasks: bias.tasks,
            serve_as: bias.kind === 'input' ? (bias.serve_as ?? 'first') : undefined,
          },
    state: { delay: training?.feedback_delay, timezone: training?.timezone },
  };
  return hashOf(relevant);
};

/**
 * A hash over what reading the features of a request depends on: features in order, the tasks that they name, and the state's
 * delay. Rankers that agree in it read the same values of the same request, whatever their networks are, so that each can
 * learn from what the other logged.
 */
export const featureFingerprint = ({ features, tasks, training }: RankerDefinition): string => {
  const named = new Set(
    Object.values(features).flatMap((feature): readonly (string | undefined)[] => {
      if (feature.kind === 'history') return [feature.on];
      return feature.kind === 'rate' || feature.kind === 'count' ? [feature.of].flat() : [];
    }),
  );
  return hashOf({
    features: Object.entries(features),
    tasks: Object.entries(tasks)
      .filter(([task]) => named.has(task))
      .map(([task, { kind, label, transform, when }]) => [task, { kind, label, transform, when }])
      .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
    state: { delay: training?.feedback_delay, timezone: training?.timezone },
  });
};

const hashOf = (relevant: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(relevant)))
    .digest('hex')
    .slice(0, 16);
