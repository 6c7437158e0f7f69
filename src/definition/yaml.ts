import { isMap, isScalar, parseDocument, visit, type Document, type LineCounter, type YAMLError } from 'yaml';

export interface YamlProblem {
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

const notYaml = 'the file must be YAML: check indentation, brackets and quotes near this line';

/**
 * The value of a YAML text, and why it is none: whatever the text is, in time that grows with its length. Aliases may not
 * multiply it, and nesting is limited by the stack. Of slips that make it no YAML the first is told: it causes the others.
 */
export const readYaml = (
  text: string,
  lines: LineCounter,
): {
  readonly document: Document.Parsed | undefined;
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
} => {
  let document: Document.Parsed | undefined;
  try {
    // Keys are compared here: the parser compares each with each.
    document = parseDocument(text, { lineCounter: lines, merge: true, uniqueKeys: false, logLevel: 'error' });
    const [slip] = document.errors;
    const problems = slip === undefined ? duplicateKeys(document, lines) : [syntaxProblem(slip)];
    const value: unknown = problems.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
    return { document, value, problems };
  } catch (error) {
    // Of aliases, merges, and the stack.
    const message = error instanceof RangeError ? 'is nested too deeply' : (error as Error).message;
    return { document, value: undefined, problems: [{ line: 1, message, hint: notYaml }] };
  }
};

const syntaxProblem = ({ code, linePos, message }: YAMLError): YamlProblem => ({
  line: linePos?.[0].line ?? 1,
  message: message.split('\n')[0]?.replace(/ at line .*$/, '') ?? 'is not YAML',
  hint: code === 'TAB_AS_INDENT' ? 'indent with spaces' : notYaml,
});

const duplicateKeys = (document: Document.Parsed, lines: LineCounter): YamlProblem[] => {
  const problems: YamlProblem[] = [];
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value) && value !== '<<') {
          const at = isScalar(key) || isMap(key) ? key.range?.[0] : undefined;
          problems.push({
            line: lines.linePos(at ?? 0).line,
            message: `"${String(value)}" stands here a second time`,
            hint: 'one map has a key once: leave one of them out, or rename it',
          });
        }
        seen.add(value);
      }
    },
  });
  return problems;
};

/** The line of a path in the text, or of its closest ancestor that is there. */
export const lineOf = (
  document: Document.Parsed | undefined,
  lines: LineCounter,
  path: readonly (string | number)[],
): number => {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document?.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range?.[0] !== undefined) return lines.linePos(range[0]).line;
  }
  return 1;
};
