import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';

/** What a PromQL expression asks for. */
export interface Asked {
  /** By selector: the series and its matchers. */
  readonly selectors: readonly { readonly metric: string; readonly matchers: readonly Matcher[] }[];
  /** Labels that are grouped by, kept or ignored. */
  readonly groupedBy: readonly string[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** Parsed by Prometheus’ own grammar; throws where it is no PromQL. Variables of Grafana count as text and durations. */
export const readPromql = (expression: string): Asked => {
  const text = expression.replaceAll('$__rate_interval', '1m');
  const tree = parser.parse(text);
  const of = ({ from, to }: SyntaxNode): string => text.slice(from, to);
  const found = (name: string): SyntaxNode[] => {
    const nodes: SyntaxNode[] = [];
    tree.iterate({
      enter: ({ name: here, node, type }) => {
        if (type.isError) throw new Error(`this is no PromQL at ${node.from}: ${expression}`);
        if (here === name) nodes.push(node);
      },
    });
    return nodes;
  };
  const selectors = found('VectorSelector').map((node) => {
    const name = node.getChild('Identifier');
    if (name === null) throw new Error(`a selector without a metric: ${expression}`);
    const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map((matcher) => {
      const [label, operator, value] = ['LabelName', 'MatchOp', 'StringLiteral'].map((part) =>
        of(matcher.getChild(part)!),
      );
      return { label: label!, operator: operator!, value: value!.slice(1, -1) };
    });
    return { metric: of(name), matchers };
  });
  return { selectors, groupedBy: found('GroupingLabels').flatMap((node) => node.getChildren('LabelName').map(of)) };
};
