import { Command } from 'commander';
import { metricCatalogue, metricsPage } from '../src/telemetry/index.js';
import { print } from './output.js';

export const metricsCommand = (): Command =>
  new Command('metrics')
    .option('--markdown', 'a page that also says what to do when one moves')
    .option('--json', 'everything that is known of each, as JSON')
    .addHelpText(
      'after',
      `
What a running service measures is at GET /metrics, of a learner at its --metrics-port.

Examples:
  $ watchnext metrics
  $ watchnext metrics --markdown > metrics.md`,
    )
    .action(({ markdown, json }: { markdown?: boolean; json?: boolean }) => {
      if (markdown === true) print(metricsPage().trimEnd());
      else if (json === true) print(JSON.stringify(metricCatalogue, null, 2));
      else
        for (const [name, { kind, labels, help }] of Object.entries(metricCatalogue)) {
          const names = Object.keys(labels);
          print(`${name}${names.length > 0 ? `{${names.join(',')}}` : ''} (${kind})\n  ${help}`);
        }
    });
