// Writes alerts.yaml beside it, the rules of dashboards/prometheus as the Prometheus operator takes them:
//   node deploy/kubernetes/monitoring/write-alerts.js
import { readFileSync, writeFileSync } from 'node:fs';

const rules = readFileSync(new URL('../../../dashboards/prometheus/alerts.yml', import.meta.url), 'utf8');
const head = `# Written by write-alerts.js.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: watchnext
spec:
`;
const body = rules.slice(rules.indexOf('groups:')).replace(/^(?=.)/gm, '  ');
writeFileSync(new URL('alerts.yaml', import.meta.url), head + body);
