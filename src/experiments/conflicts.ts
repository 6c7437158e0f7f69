import type { Problem } from '../errors.js';
import type { ReadExperiment, Setter } from './rule.js';
import { areApart, sharedLayer } from './split.js';

const pairs = function* <T>(all: readonly T[]): Generator<readonly [T, T]> {
  for (const [index, one] of all.entries()) for (const other of all.slice(index + 1)) yield [one, other];
};

/**
 * What keeps experiments from being read apart: two of one name, two that share users of a layer, two things that set the
 * same for one user. Rules of one feature never do: the first that applies wins.
 */
export const conflicts = (experiments: readonly ReadExperiment[], setters: readonly Setter[]): Problem[] => [
  ...[...pairs(experiments)].flatMap(([one, other]) => pairProblems(one, other)),
  ...[...pairs(setters)].flatMap(([one, other]) => twiceSet(one, other)),
];

const pairProblems = (one: ReadExperiment, other: ReadExperiment): Problem[] => {
  const [a, b] = [one.planned, other.planned];
  if (a.key === b.key)
    return [
      {
        path: `${other.at}/key`,
        message: `there are two experiments "${a.key}"; the other is at ${one.at}`,
        hint: 'an experiment is one rule: put all its settings into the variations of one feature',
      },
    ];
  const layer = a.feature !== b.feature && a.active && b.active ? sharedLayer(a.layers, b.layers) : undefined;
  if (layer === undefined) return [];
  return [
    {
      path: `${other.at}/${layer.kind === 'filter' ? 'filters' : 'namespace'}`,
      message: `${b.key} and ${a.key} overlap in layer "${layer.layer}"`,
      hint: 'experiments of one layer share no users: give them ranges that do not touch, such as 0 to 0.5 and 0.5 to 1',
    },
  ];
};

const twiceSet = (one: Setter, other: Setter): Problem[] => {
  if (one.feature === other.feature || areApart(one.layers, other.layers)) return [];
  const both = [...other.things].filter((thing) => one.things.has(thing));
  if (both.length === 0) return [];
  return [
    {
      path: other.at,
      message: `${other.called} and ${one.called} can both set ${both.join(', ')} for one user`,
      hint: 'give both experiments parts of one layer ("namespace"), or make them rules of one feature',
    },
  ];
};
