import { featureExamples, partExamples, partNotes } from './reference-examples.js';

/** What is read of a JSON Schema here. */
interface Node {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: Node | readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
}

/** The Markdown page of every key of ranker.yaml, from its JSON Schema. */
export const referencePage = (schema: object): string => {
  const ranker = schema as Node;
  const part = (name: string): Node => ranker.properties?.[name] ?? {};
  const member = (name: string): Node => Object.values(part(name).patternProperties ?? {})[0] ?? {};
  const section = (name: string, node: Node): string[] => [
    `## ${name}`,
    sentence(node.description),
    partNotes[name] ?? '',
    table(node),
    ...Object.entries(node.properties ?? {}).flatMap(([key, value]) =>
      value.properties === undefined ? [] : [`### ${name}.${key}`, sentence(value.description), table(value)],
    ),
    example(partExamples[name]),
  ];
  const kinds = (member('features').oneOf ?? []).flatMap((feature) => {
    const kind = feature.properties?.['kind']?.const ?? '';
    return [`### ${kind}`, sentence(feature.description), table(feature), example(featureExamples[kind])];
  });
  const paragraphs = [
    '# ranker.yaml, key by key',
    'Written by `watchnext schema --markdown` from the schema that validates definitions; edit that, not this page. ' +
      '`watchnext schema` prints the same for editors, `watchnext check` finds mistakes in a file.',
    table(ranker),
    '## features',
    partNotes['features'] ?? '',
    ...kinds,
    ...section('tasks', member('tasks')),
    ...['network', 'bias', 'score', 'training'].flatMap((name) => section(name, part(name))),
    ...section('labels', member('labels')),
    ...section('stream', part('stream')),
    ...section('metrics', member('metrics')),
  ];
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
};

const sentence = (text = ''): string => (text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
const example = (yaml: string | undefined): string => (yaml === undefined ? '' : `\`\`\`yaml\n${yaml}\n\`\`\``);

const table = ({ properties = {}, required = [] }: Node): string => {
  const rows = Object.entries(properties).flatMap(([key, node]) => {
    if (node.const !== undefined) return [];
    const cells = [`\`${key}\``, allowed(node), ifLeftOut(node, required.includes(key)), meaning(node)];
    return [`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`];
  });
  return ['| key | allowed | if left out | meaning |', '|---|---|---|---|', ...rows].join('\n');
};

/** The column before says that it is a duration. */
const meaning = ({ description = '' }: Node): string => description.replace(/^a duration such as [^:]*: /, '');

const ifLeftOut = ({ default: standard }: Node, needed: boolean): string => {
  if (needed) return 'needed';
  if (standard === undefined) return '';
  if (Array.isArray(standard)) return standard.length === 0 ? 'none' : `[${standard.join(', ')}]`;
  return typeof standard === 'string' ? standard : JSON.stringify(standard);
};

const allowed = (node: Node): string => {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ');
  const forms = node.anyOf ?? (node.oneOf === undefined ? undefined : []);
  if (forms !== undefined) return forms.map(allowed).join(', or ');
  if (node.pattern?.startsWith('^\\d+(ms') === true) return 'duration';
  if (typeof node.type === 'object') return node.type.map((type) => allowed({ type })).join(' or ');
  switch (node.type) {
    case 'integer':
      return `whole number${range(node)}`;
    case 'number':
      return `number${range(node)}`;
    case 'boolean':
      return '`true` or `false`';
    case 'array':
      return arrayOf(node.items ?? {});
    case 'object':
      return node.patternProperties === undefined ? 'keys, see below' : mapOf(node.patternProperties);
    case 'string':
      return 'text';
    case undefined:
    default:
      return '';
  }
};

const arrayOf = (items: Node | readonly Node[]): string =>
  'length' in items ? `list: ${items.map(allowed).join(', ')}` : `list, each ${allowed(items)}`;

const mapOf = (members: Readonly<Record<string, Node>>): string => {
  const [value = {}] = Object.values(members);
  return value.oneOf === undefined && value.properties === undefined ? `name: ${allowed(value)}` : 'by name, see below';
};

const range = ({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Node): string => {
  const low = minimum ?? exclusiveMinimum;
  const high = maximum ?? exclusiveMaximum;
  const from = low === undefined ? '' : ` ${minimum === undefined ? 'above' : 'from'} ${low}`;
  const to = high === undefined ? '' : ` ${maximum === undefined ? 'below' : 'to'} ${high}`;
  return from + to;
};
