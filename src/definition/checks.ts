import { nameHint } from '../nearest.js';
import { checkBias } from './bias-checks.js';
import type { Found } from './explain.js';
import { explorationProblem } from './exploration-schema.js';
import { unknownTask } from './references.js';
import { checkLearned } from './learned-checks.js';
import { checkMetrics } from './metrics.js';
import type { FeatureDefinition, FeatureOf, RankerDefinition } from './schema.js';

/** Features that own or share an embedding table. */
type Embedded = FeatureOf<'id'> | FeatureOf<'category'> | FeatureOf<'ids'> | FeatureOf<'history'>;

const isEmbedded = (feature: FeatureDefinition): feature is Embedded =>
  ['id', 'ids', 'history'].includes(feature.kind) || (feature.kind === 'category' && feature.dim !== undefined);

const timezoneKnown = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
};

const many = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** What the schema cannot say: references between parts, and combinations that make no sense. All of them, not the first. */
export const checkDefinition = (definition: RankerDefinition): Found[] => [
  ...Object.entries(definition.features).flatMap(([name, feature]) => checkFeature(definition, name, feature)),
  ...checkTasks(definition),
  ...checkNetwork(definition),
  ...checkBias(definition),
  ...checkScore(definition),
  ...checkTraining(definition),
  ...checkLabels(definition),
  ...checkMetrics(definition),
  ...checkLearned(definition),
];

const unknownZone = (path: readonly string[], zone: string | undefined): Found[] =>
  zone === undefined || timezoneKnown(zone)
    ? []
    : [{ path, message: `unknown time zone "${zone}"`, hint: 'an IANA name such as Europe/Berlin or Asia/Shanghai' }];

/** The fields that a feature reads, by the key of its definition that names them. */
const fieldsRead = (name: string, feature: FeatureDefinition): (readonly [key: string, field: string])[] => {
  switch (feature.kind) {
    case 'id':
    case 'category':
    case 'number':
    case 'ids':
    case 'vector':
      return [['from', feature.from ?? name]];
    case 'time':
      return feature.from === undefined ? [] : [['from', feature.from]];
    case 'history':
      return [['of', feature.of], ...many(feature.key).map((field) => ['key', field] as const)];
    case 'rate':
    case 'count':
      return many(feature.key).map((field) => ['key', field] as const);
  }
};

/** Fields of a log that no request has when it is ranked. */
const onlyLogged = ['position', 'time', 'request_id'];

/** A feature of what is known only afterwards would learn from the answer, and miss it when it serves. */
const checkFieldsRead = (definition: RankerDefinition, name: string, feature: FeatureDefinition): Found[] =>
  fieldsRead(name, feature).flatMap(([key, field]): Found[] => {
    const path = ['features', name, ...(Object.hasOwn(feature, key) ? [key] : [])];
    const [task] = Object.entries(definition.tasks).find(([, { label }]) => label === field) ?? [];
    if (task !== undefined) {
      return [
        {
          path,
          message: `"${field}" is the label of ${task}: it is not known when a request is ranked`,
          hint: 'use kind: rate, count or history for earlier outcomes',
        },
      ];
    }
    if (!onlyLogged.includes(field)) return [];
    const hint = field === 'position' ? 'name it in bias.features' : 'kind: time reads the request’s own time';
    return [
      { path, message: `"${field}" is no field of a request that is ranked`, ...(field !== 'request_id' && { hint }) },
    ];
  });

const checkFeature = (definition: RankerDefinition, name: string, feature: FeatureDefinition): Found[] => {
  const at = (...rest: string[]): string[] => ['features', name, ...rest];
  const found = checkFieldsRead(definition, name, feature);
  if ('shares' in feature) found.push(...checkShares(definition, name, feature));
  else if (isEmbedded(feature) && feature.dim === undefined) {
    found.push({
      path: at(),
      message: '"dim" is missing',
      hint: 'give dim: a width such as 16, or shares: another feature whose table it uses',
    });
  }
  if (feature.kind === 'category' && (feature.values === undefined) === (feature.dim === undefined)) {
    found.push({
      path: at(),
      message: 'a category needs exactly one of "values" and "dim"',
      hint: 'values: [a, b] makes it one-hot, dim: 8 embeds whatever values come',
    });
  }
  if (feature.kind === 'number' && (feature.encode === 'quantiles') !== (feature.buckets !== undefined)) {
    found.push({
      path: at(),
      message: '"buckets" and "encode: quantiles" belong together',
      hint: 'encode: quantiles, buckets: 10',
    });
  }
  if (
    feature.kind === 'number' &&
    feature.min !== undefined &&
    feature.max !== undefined &&
    feature.min >= feature.max
  ) {
    found.push({ path: at('min'), message: `min ${feature.min} is not below max ${feature.max}` });
  }
  if (feature.kind === 'time') found.push(...unknownZone(at('timezone'), feature.timezone));
  if (feature.kind === 'time' && (feature.unit === 'age') !== (feature.from !== undefined)) {
    found.push({
      path: at(),
      message:
        feature.unit === 'age'
          ? 'an age needs "from", the field with the start time'
          : `${feature.unit} reads the request’s time and takes no "from"`,
    });
  }
  if (feature.kind === 'rate' || feature.kind === 'count') {
    for (const task of many(feature.of)) found.push(...unknownTask(definition, at('of'), task));
  }
  if (feature.kind === 'history' && feature.on !== undefined) {
    found.push(...unknownTask(definition, at('on'), feature.on));
    if (definition.tasks[feature.on]?.kind === 'regression') {
      found.push({
        path: at('on'),
        message: `"${feature.on}" is a regression`,
        hint: 'a history is kept of positives of a binary task',
      });
    }
  }
  if (feature.kind === 'count' && feature.of !== undefined && definition.tasks[feature.of]?.kind === 'regression') {
    found.push({
      path: at('of'),
      message: `"${feature.of}" is a regression`,
      hint: 'count positives of a binary task; use kind: rate for the mean of a regression',
    });
  }
  return found;
};

const checkShares = (definition: RankerDefinition, name: string, feature: Embedded & { shares?: string }): Found[] => {
  const path = ['features', name, 'shares'];
  const other = feature.shares ?? '';
  const owner = definition.features[other];
  const owners = Object.entries(definition.features)
    .filter(([key, value]) => key !== name && isEmbedded(value) && !('shares' in value))
    .map(([key]) => key);
  if (owner === undefined || !owners.includes(other)) {
    return [{ path, message: `"${other}" is no feature with a table of its own`, hint: nameHint(other, owners) }];
  }
  if (feature.dim !== undefined && isEmbedded(owner) && feature.dim !== owner.dim) {
    return [
      {
        path,
        message: `dim ${feature.dim} differs from ${other}’s ${owner.dim ?? 0}`,
        hint: 'leave dim out: the shared table has one width',
      },
    ];
  }
  return [];
};

const waitsForItself = ({ tasks }: RankerDefinition, name: string): boolean => {
  let awaited = tasks[name]?.when;
  for (let hops = 0; awaited !== undefined && hops < Object.keys(tasks).length; hops++) {
    if (awaited === name) return true;
    awaited = tasks[awaited]?.when;
  }
  return false;
};

const checkTasks = (definition: RankerDefinition): Found[] =>
  Object.entries(definition.tasks).flatMap(([name, task]) => {
    const found: Found[] = [];
    if (task.transform !== undefined && task.kind === 'binary') {
      found.push({
        path: ['tasks', name, 'transform'],
        message: 'a binary task has no transform',
        hint: 'remove it, or make the task kind: regression',
      });
    }
    if (task.when !== undefined) {
      found.push(...unknownTask(definition, ['tasks', name, 'when'], task.when));
      if (waitsForItself(definition, name)) {
        found.push({ path: ['tasks', name, 'when'], message: 'a task cannot wait for itself, nor through others' });
      }
      if (definition.tasks[task.when]?.kind === 'regression') {
        found.push({
          path: ['tasks', name, 'when'],
          message: `"${task.when}" is a regression`,
          hint: 'when: names a binary task',
        });
      }
    }
    return found;
  });

const checkNetwork = ({ network }: RankerDefinition): Found[] => {
  const only = (['experts', 'expert_layers', 'gate_dropout'] as const).filter((key) => network[key] !== undefined);
  if (network.kind !== 'mmoe') {
    return only.map((key) => ({
      path: ['network', key],
      message: `"${key}" belongs to kind: mmoe`,
      hint: `remove it, or change kind: ${network.kind}`,
    }));
  }
  return (network.expert_layers ?? [1]).length === 0
    ? [{ path: ['network', 'expert_layers'], message: 'an expert needs at least one layer' }]
    : [];
};

const checkScore = (definition: RankerDefinition): Found[] => {
  const exploration = explorationProblem(definition.score.exploration ?? {});
  const found: Found[] = exploration === undefined ? [] : [{ path: ['score', 'exploration'], ...exploration }];
  for (const task of Object.keys(definition.score.weights)) {
    found.push(...unknownTask(definition, ['score', 'weights', task], task));
  }
  for (const [task, [low, high]] of Object.entries(definition.score.bounds ?? {})) {
    found.push(...unknownTask(definition, ['score', 'bounds', task], task));
    const weight = definition.score.weights[task] ?? 0;
    if (low > high)
      found.push({ path: ['score', 'bounds', task], message: `lower bound ${low} is above upper bound ${high}` });
    else if (weight < low || weight > high) {
      found.push({
        path: ['score', 'bounds', task],
        message: `the weight ${weight} itself is outside [${low}, ${high}]`,
      });
    }
  }
  return found;
};

const checkTraining = ({ training }: RankerDefinition): Found[] =>
  unknownZone(['training', 'timezone'], training?.timezone);

const checkLabels = (definition: RankerDefinition): Found[] =>
  Object.entries(definition.labels ?? {}).flatMap(([task, { take, late }]): Found[] => {
    const kind = definition.tasks[task]?.kind;
    const path = ['labels', task];
    if (kind === undefined) return unknownTask(definition, path, task);
    const found: Found[] = [];
    if (take !== undefined && kind === 'binary')
      found.push({
        path: [...path, 'take'],
        message: `the task ${task} is binary: feedback makes it 1, how often does not matter`,
        hint: 'leave take out, or make the task kind: regression',
      });
    if (late === 'fake-negative-weighted' && kind !== 'binary')
      found.push({
        path: [...path, 'late'],
        message: `the task ${task} is a regression, which has no negatives`,
        hint: 'ignore or supplement',
      });
    return found;
  });
