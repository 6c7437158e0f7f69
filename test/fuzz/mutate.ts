import fc from 'fast-check';

/** A JSON text as a tree that can hold what values cannot: names twice, numbers that are none, texts that are not JSON. */
export type Tree =
  { readonly raw: string } | { readonly list: Tree[] } | { readonly pairs: [name: string, value: Tree][] };

const treeOf = (value: unknown): Tree => {
  if (Array.isArray(value)) return { list: value.map(treeOf) };
  if (typeof value === 'object' && value !== null)
    return { pairs: Object.entries(value).map(([name, inner]) => [JSON.stringify(name), treeOf(inner)]) };
  return { raw: JSON.stringify(value) };
};

const render = (tree: Tree): string => {
  if ('raw' in tree) return tree.raw;
  if ('list' in tree) return `[${tree.list.map(render).join(',')}]`;
  return `{${tree.pairs.map(([name, value]) => `${name}:${render(value)}`).join(',')}}`;
};

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const texts = [
  '',
  ' ',
  '\u0000',
  '\u001b[31m',
  '\r\nX: 1',
  '\u202e',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '../..',
  '%00',
  '{{7*7}}',
  'é',
  '𝒳',
  '\ufeff',
  '\ufffe',
  'x'.repeat(9000),
  '7',
  'NaN',
  '-0',
];
const numbers = [
  '0',
  '-0',
  '-1',
  '0.5',
  '1e308',
  '-1e308',
  '1e999',
  '-1e999',
  '5e-324',
  '9007199254740991',
  '9007199254740993',
  '1e16',
  '4294967296',
  '123456789012345678901234567890',
  '0x10',
  '01',
  'NaN',
  'Infinity',
  '.5',
];
const others = [
  'null',
  'true',
  'false',
  '{}',
  '[]',
  '[[]]',
  '[null]',
  '{"":{}}',
  '{"__proto__":{"x":1}}',
  '{"toString":1,"valueOf":2}',
  '"\\ud800"',
  '"\\udc00x"',
  '"\\u0000"',
  deep(20),
  deep(200),
  '',
  ',',
  'undefined',
];
/** What may stand in any place. */
const strange = fc.oneof(
  fc.constantFrom(...texts).map((text) => JSON.stringify(text)),
  fc.constantFrom(...numbers, ...others),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.double().map(String),
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
);
const names = fc.oneof(
  fc
    .constantFrom(...texts, 'id', 'user', 'candidates', 'time', 'kind', 'prototype')
    .map((text) => JSON.stringify(text)),
  fc.string({ maxLength: 5 }).map((text) => JSON.stringify(text)),
);

/** One change: `at` chooses among all places of the tree, `from` another one to copy from. */
const change = fc.record({
  at: fc.nat(1000),
  from: fc.nat(1000),
  how: fc.constantFrom('replace', 'replace', 'replace', 'drop', 'twice', 'rename', 'add', 'copy'),
  value: strange,
  name: names,
});
export type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** One to four changes to a body. */
export const changes = fc.array(change, { minLength: 1, maxLength: 4 });

interface Place {
  readonly within: Exclude<Tree, { readonly raw: string }>;
  readonly index: number;
}

const placesOf = (tree: Tree): Place[] => {
  if ('raw' in tree) return [];
  const inner = 'list' in tree ? tree.list : tree.pairs.map(([, value]) => value);
  return inner.flatMap((value, index) => [{ within: tree, index }, ...placesOf(value)]);
};

const valueAt = ({ within, index }: Place): Tree =>
  ('list' in within ? within.list[index] : within.pairs[index]?.[1]) ?? { raw: 'null' };

const put = ({ within, index }: Place, value: Tree): void => {
  if ('list' in within) within.list[index] = value;
  else within.pairs[index]![1] = value;
};

/** The tree with the changes made, as text. A tree without places is replaced. */
export const mutate = (value: unknown, list: readonly Change[]): string => {
  let tree = treeOf(value);
  for (const { at, from, how, value: raw, name } of list) {
    const places = placesOf(tree);
    const place = places[at % places.length];
    if (place === undefined) {
      tree = { raw };
      continue;
    }
    const { within, index } = place;
    if (how === 'replace') put(place, { raw });
    else if (how === 'copy') put(place, structuredClone(valueAt(places[from % places.length]!)));
    else if ('list' in within) {
      if (how === 'drop') within.list.splice(index, 1);
      else if (how === 'add') within.list.push({ raw });
      else within.list.push(structuredClone(valueAt(place)));
    } else if (how === 'drop') within.pairs.splice(index, 1);
    else if (how === 'rename') within.pairs[index]![0] = name;
    else within.pairs.push([how === 'twice' ? within.pairs[index]![0] : name, { raw }]);
  }
  return render(tree);
};
