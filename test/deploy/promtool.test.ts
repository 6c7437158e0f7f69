import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { findPromtool } from './promtool.js';

const promtool = findPromtool();
if (promtool === undefined)
  console.info('promtool is not in the PATH and not to be had as a package: rules are not tried');
const tried = promtool === undefined ? test.skip : test;

const check = (...args: readonly string[]): { readonly status: number | null; readonly said: string } => {
  const { status, stdout, stderr } = spawnSync(promtool!, args, { encoding: 'utf8', timeout: 60_000 });
  return { status, said: `${stdout}${stderr}` };
};

tried('promtool accepts the configuration and the rules', () => {
  expect(check('check', 'config', 'dashboards/prometheus/prometheus.yml')).toMatchObject({ status: 0 });
  expect(check('check', 'rules', 'dashboards/prometheus/alerts.yml')).toMatchObject({ status: 0 });
});

tried('alerts come when they should, and not when they should not', () => {
  const { status, said } = check('test', 'rules', 'dashboards/prometheus/alerts.test.yml');
  expect(status === 0 ? '' : said).toBe('');
});

test('every alert is tried', () => {
  const alerts = [...readFileSync('dashboards/prometheus/alerts.yml', 'utf8').matchAll(/alert: (\w+)/g)];
  const tests = parse(readFileSync('dashboards/prometheus/alerts.test.yml', 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: object[] }[] }[];
  };
  const cases = tests.tests.flatMap(({ alert_rule_test: rules }) => rules);
  const names = (wanted: boolean): string[] =>
    cases.filter(({ exp_alerts: expected = [] }) => expected.length > 0 === wanted).map(({ alertname }) => alertname);
  const all = alerts.map(([, name]) => name!).sort();
  expect([...new Set(names(true))].sort()).toEqual(all);
  expect([...new Set(names(false))].sort()).toEqual(all);
});
