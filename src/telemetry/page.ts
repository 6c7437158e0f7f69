import { catalogueSections, type CatalogueSection, type MetricSpec } from './catalogue/index.js';

/** docs/metrics.md, from the catalogue. */
export const metricsPage = (): string =>
  `${[
    '# Metrics',
    'Written by `watchnext metrics --markdown` from `src/telemetry/catalogue/`; edit that, not this page.',
    '`GET /metrics` of the service answers Prometheus text. Labels take few values: routes are patterns, never paths, and no ' +
      'user, item or request id is ever a label. A service with two rankers of 20 features has under 500 series.',
    ...catalogueSections.flatMap(section),
  ].join('\n\n')}\n`;

const section = ({ title, about, metrics }: CatalogueSection): string[] => [
  `## ${title}`,
  about,
  [
    '| name | kind | unit | labels | what it says | what to do when it moves |',
    '|---|---|---|---|---|---|',
    ...Object.entries(metrics).map(([name, spec]) => row(name, spec)),
  ].join('\n'),
];

const row = (name: string, { kind, unit, labels, help, act }: MetricSpec): string =>
  `| ${[`\`${name}\``, kind, unit, Object.entries(labels).map(labelText).join('; '), help, act]
    .map((cell) => cell.replaceAll('|', '\\|'))
    .join(' | ')} |`;

const labelText = ([label, values]: [string, string | readonly string[]]): string =>
  `\`${label}\`: ${typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(' ')}`;
