import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { learnCommand } from '../../cli/learn.js';
import { serveCommand } from '../../cli/serve.js';
import { settingSources } from '../../src/settings.js';
import { servingSettings } from '../../src/settings/serving.js';
import { metricCatalogue } from '../../src/telemetry/index.js';

const file = 'docs/operations.md';
const page = readFileSync(file, 'utf8');
const rules = readFileSync('dashboards/prometheus/alerts.yml', 'utf8');
const headings = (text: string): string[] => [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!);
/** As GitHub and others make it. */
const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
const known = settingSources.map(({ env }) => env);

describe('docs/operations.md', () => {
  test('has a section for every alert, and none for another', () => {
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
    expect(headings(page).filter((title) => /^Watchnext[A-Z]/.test(title))).toEqual(alerts);
    const links = [...rules.matchAll(/runbook_url: (\S+)/g)].map(([, link]) => link!);
    expect(links).toEqual(alerts.map((name) => `${file}#${anchor(name)}`));
  });

  test('links to pages and sections that there are', () => {
    for (const [, link] of page.matchAll(/\]\(([^)]+)\)/g)) {
      const [path = '', section] = link!.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      expect([link, existsSync(target)]).toEqual([link, true]);
      if (section !== undefined)
        expect([link, headings(readFileSync(target, 'utf8')).map(anchor)]).toEqual([
          link,
          expect.arrayContaining([section]),
        ]);
    }
  });

  test('names settings, metrics, routes and files that there are', () => {
    const metrics: Readonly<Record<string, unknown>> = metricCatalogue;
    const named = [...page.matchAll(/`(watchnext_\w+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !(name in metrics))).toEqual([]);
    const variables = [...page.matchAll(/WATCHNEXT_\w+/g)].map(([name]) => name);
    expect(variables.filter((name) => !known.includes(name))).toEqual([]);
    for (const [, path] of page.matchAll(/`((?:deploy|dashboards|load-tests|docs)\/[\w./-]+)`/g))
      expect([path, existsSync(path!)]).toEqual([path, true]);
    const routes = [...page.matchAll(/(GET|POST|PUT) (\/v1\/[\w/<>]+)/g)].map(([, , path]) => path!);
    const api = readdirSync('src/http')
      .map((name) => readFileSync(join('src/http', name), 'utf8'))
      .join('\n');
    for (const path of routes) expect(api).toContain(`'${path.replaceAll(/<(\w+)>/g, ':$1')}'`);
  });

  test('says of every setting of serving and load when to change it', () => {
    // What the service is, not how it runs.
    const given = ['models', 'store', 'host', 'port', 'ranker', 'device', 'clock', 'scoreTimeoutMs'];
    const flags = settingSources
      .filter(({ name }) => name in servingSettings && !given.includes(name))
      .map(({ flag }) => flag);
    expect(flags.filter((flag) => !page.includes(`\`${flag}`))).toEqual([]);
  });

  test('names flags that the commands have', () => {
    const commands = [serveCommand(), learnCommand()];
    const flags = new Set(commands.flatMap(({ options }) => options.map(({ long }) => long)));
    const named = [...page.matchAll(/`(--[a-z][\w-]+)[ `]/g)].map(([, flag]) => flag!);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((flag) => !flags.has(flag))).toEqual([]);
  });
});

describe('deploy/systemd', () => {
  const units = readdirSync('deploy/systemd').filter((name) => name.endsWith('.service'));

  test.each(units)('%s starts what there is', (name) => {
    const unit = readFileSync(join('deploy/systemd', name), 'utf8');
    const [, script, verb] = /^ExecStart=\/usr\/bin\/node (\S+) (\w+)/m.exec(unit) ?? [];
    expect([existsSync(script!), existsSync(`cli/${verb}.ts`)]).toEqual([true, true]);
    const [, environment] = /^EnvironmentFile=\/etc\/watchnext\/(\S+)$/m.exec(unit) ?? [];
    expect(existsSync(join('deploy/systemd', environment!))).toBe(true);
  });

  test('sets settings that there are, and stops after draining', () => {
    for (const name of readdirSync('deploy/systemd').filter((one) => one.endsWith('.env'))) {
      const text = readFileSync(join('deploy/systemd', name), 'utf8');
      const variables = [...text.matchAll(/^(\w+)=/gm)].map(([, variable]) => variable!);
      expect(variables.filter((variable) => !known.includes(variable))).toEqual([]);
    }
    const settings = readFileSync('deploy/systemd/service.env', 'utf8');
    const drains = [...settings.matchAll(/DRAIN_\w+_MS=(\d+)/g)].reduce((sum, [, ms]) => sum + Number(ms), 0);
    const [, stop] = /^TimeoutStopSec=(\d+)$/m.exec(readFileSync('deploy/systemd/watchnext.service', 'utf8')) ?? [];
    expect(drains).toBeGreaterThan(0);
    expect(Number(stop) * 1000).toBeGreaterThanOrEqual(drains + 10_000);
  });

  test('is what systemd understands, where it is', () => {
    const verify = spawnSync('systemd-analyze', ['verify', ...units.map((name) => join('deploy/systemd', name))], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    if (verify.error !== undefined) {
      console.info('systemd-analyze is not here: the units are not verified');
      return;
    }
    // The user and Node need not be on this machine.
    const said = verify.stderr.split('\n').filter((line) => /watchnext.*\.service:/.test(line));
    expect(said.filter((line) => /unknown|invalid|ignoring|failed to parse/i.test(line))).toEqual([]);
  });
});
