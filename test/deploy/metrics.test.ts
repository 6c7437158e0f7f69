import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { metricCatalogue, type MetricName } from '../../src/telemetry/index.js';
import { readPromql, type Asked } from './promql.js';

/** What Prometheus and a cluster add to every series. */
const outside = ['job', 'instance', 'namespace', 'pod'];

const specs: Readonly<Record<string, { readonly kind: string; readonly labels: Readonly<Record<string, unknown>> }>> =
  metricCatalogue;

/** The metric that a series belongs to: a histogram has three names. */
const metricOf = (series: string): string | undefined => {
  if (series in specs) return specs[series]!.kind === 'histogram' ? undefined : series;
  const base = series.replace(/_(bucket|sum|count)$/, '');
  return specs[base]?.kind === 'histogram' ? base : undefined;
};

/** Everything about an expression that no process here would ever answer. */
const problemsOf = (expression: string, legend = ''): string[] => {
  let asked: Asked;
  try {
    asked = readPromql(expression);
  } catch (error) {
    return [String(error)];
  }
  const allowed = new Set(outside);
  const problems: string[] = [];
  for (const { metric, matchers } of asked.selectors) {
    if (metric === 'up') {
      if (!matchers.some(({ label }) => label === 'job')) problems.push('up of every job');
      continue;
    }
    const name = metricOf(metric);
    if (name === undefined) {
      problems.push(`there is no ${metric}`);
      continue;
    }
    const { kind, labels } = specs[name]!;
    Object.keys(labels).forEach((label) => allowed.add(label));
    if (kind === 'histogram' && metric.endsWith('_bucket')) allowed.add('le');
    for (const { label, operator, value } of matchers) {
      if (outside.includes(label)) continue;
      const values = labels[label];
      if (values === undefined) problems.push(`${metric} has no label ${label}`);
      else if (Array.isArray(values) && !value.startsWith('$'))
        for (const one of operator.includes('~') ? value.split('|') : [value])
          if (!values.includes(one)) problems.push(`${label} of ${metric} is never ${one}`);
    }
  }
  const shown = [...legend.matchAll(/\{\{ *(?:\$labels\.)?(\w+) *\}\}/g)].map(([, label]) => label!);
  for (const label of [...asked.groupedBy, ...shown])
    if (!allowed.has(label)) problems.push(`nothing in it has the label ${label}: ${expression}`);
  return problems;
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}
const rules = (parse(readFileSync('dashboards/prometheus/alerts.yml', 'utf8')) as Rules).groups.flatMap((g) => g.rules);

describe('what is asked of Prometheus', () => {
  test('is told apart from what nobody measures', () => {
    expect(problemsOf('rate(watchnext_rankings_total{ranker="films"}[5m])', '{{ranker}}')).toEqual([]);
    expect(problemsOf('watchnext_rankings')).toEqual(['there is no watchnext_rankings']);
    expect(problemsOf('watchnext_http_request_seconds')).toHaveLength(1);
    expect(problemsOf('rate(watchnext_rankings_total{user="u1"}[5m])')).toHaveLength(1);
    expect(problemsOf('watchnext_feedback_total{outcome=~"accepted|lost"}')).toEqual([
      'outcome of watchnext_feedback_total is never lost',
    ]);
    expect(problemsOf('sum by (user) (watchnext_rankings_total)')).toHaveLength(1);
    expect(problemsOf('watchnext_ready', '{{user}}')).toHaveLength(1);
    expect(problemsOf('sum by (ranker (watchnext_rankings_total)')).toHaveLength(1);
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for what there is', (_, rule) => {
    expect(problemsOf(rule.expr, rule.annotations['summary'])).toEqual([]);
  });
});

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}
const files = readdirSync('dashboards/grafana').filter((file) => file.endsWith('.json'));
const dashboards = files.map(
  (file) => [file, JSON.parse(readFileSync(`dashboards/grafana/${file}`, 'utf8')) as Dashboard] as const,
);

describe.each(dashboards)('dashboard %s', (_, dashboard) => {
  const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

  test('asks for metrics and labels that there are', () => {
    const asked = [...targets.map(({ expr, legendFormat }) => [expr, legendFormat] as const)];
    expect(targets.length).toBeGreaterThan(5);
    expect(asked.flatMap(([expression, legend]) => problemsOf(expression, legend))).toEqual([]);
    expect(dashboard.annotations.list.flatMap(({ expr }) => problemsOf(expr))).toEqual([]);
  });

  test('uses variables that it has, and has none that it does not use', () => {
    const text = JSON.stringify(targets);
    const used = new Set(
      [...text.matchAll(/\$(\w+)/g)].map(([, name]) => name!).filter((name) => !name.startsWith('__')),
    );
    const declared = dashboard.templating.list.map(({ name }) => name).filter((name) => name !== 'datasource');
    expect([...used].sort()).toEqual(declared.sort());
    for (const { definition } of dashboard.templating.list) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
      if (definition !== undefined) expect(problemsOf(`sum by (${label}) (${metric})`)).toEqual([]);
    }
  });

  test('says of every panel what it shows, and no two lie over each other', () => {
    const { panels } = dashboard;
    expect(panels.filter(({ type, description = '' }) => type !== 'row' && description === '')).toEqual([]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  });
});

test('dashboards have names of their own', () => {
  expect(new Set(dashboards.map(([, { uid }]) => uid)).size).toBe(dashboards.length);
});

test('what clients, learners and people feel is on a dashboard', () => {
  const shown = JSON.stringify(dashboards);
  const all = Object.keys(metricCatalogue) as MetricName[];
  const hidden = all.filter((name) => !shown.includes(name));
  // A name for joining others by; everything else that is measured can be seen.
  expect(hidden.filter((name) => !name.endsWith('_info'))).toEqual([]);
});
