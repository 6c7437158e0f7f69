import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { validate } from 'dockerfile-utils';
import { settingSources } from '../../src/settings.js';
import { dockerfileText, environmentOf, lastOf, stages, stepsOf } from './dockerfile.js';

const images = ['service', 'learner'];

describe('the Dockerfile', () => {
  test('is one that a linter accepts', () => {
    expect(validate(dockerfileText)).toEqual([]);
    const hadolint = spawnSync('hadolint', ['--no-color', 'Dockerfile'], { encoding: 'utf8' });
    if (hadolint.error === undefined) expect(hadolint.stdout).toBe('');
  });

  test('builds the service where no target is named', () => {
    expect(stages.at(-1)?.name).toBe('service');
    expect(dockerfileText).toMatch(/^ARG DEVICE=cpu$/m);
  });

  test('copies what is there, and what .dockerignore lets in', () => {
    const allowed = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = stages
      .flatMap(({ steps }) => steps)
      .filter(({ keyword, from }) => keyword === 'COPY' && from === undefined)
      .flatMap(({ paths }) => paths.slice(0, -1));
    expect(copied).toContain('src');
    for (const path of copied) {
      expect([path, existsSync(path)]).toEqual([path, true]);
      expect([path, allowed.some((one) => one === path || one.startsWith(`${path}/`))]).toEqual([path, true]);
    }
    expect(allowed.filter((path) => !existsSync(path))).toEqual([]);
  });

  test('copies from stages that come before, what they have', () => {
    for (const [at, { steps }] of stages.entries())
      for (const { keyword, from } of steps)
        if (keyword === 'COPY' && from !== undefined)
          expect(stages.slice(0, at).map(({ name }) => name)).toContain(from);
  });

  test.each(images)('%s runs as a number that is not root, and by Node itself', (name) => {
    expect(lastOf(name, 'USER')?.text).toMatch(/^[1-9]\d+:[1-9]\d+$/);
    expect(lastOf(name, 'ENTRYPOINT')?.words).toEqual(['node', '/app/bin/watchnext.js']);
    expect(existsSync('bin/watchnext.js')).toBe(true);
    expect(lastOf(name, 'STOPSIGNAL')?.text).toBe('SIGTERM');
  });

  test.each(images)('%s sets settings that there are, and writes to /data alone', (name) => {
    const known = settingSources.map(({ env }) => env);
    const ours = Object.keys(environmentOf(name)).filter((variable) => variable.startsWith('WATCHNEXT_'));
    expect(ours.filter((variable) => !known.includes(variable))).toEqual([]);
    // Every setting whose default is a path in the working folder, which is read-only there.
    const folders = settingSources.filter(
      ({ default: value }) => typeof value === 'string' && /^\.cache\//.test(value),
    );
    for (const { env } of folders) expect(environmentOf(name)[env]).toMatch(/^\/data\//);
  });

  test('makes one for GPUs by the command that the README names', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    for (const name of images) {
      expect(stepsOf(name, { DEVICE: 'cuda' }).length).toBe(stepsOf(name).length);
      const packages = stages.find((stage) => stage.name === `${name}-packages`)!;
      expect(packages.steps.map(({ text }) => text)).toContain(
        'if [ "$DEVICE" = cuda ]; then npm run install:cuda; fi',
      );
    }
    expect(scripts['install:cuda']).toContain('cuda12');
    expect(stages.find(({ name }) => name === 'base-cuda')?.base).toMatch(/cuda:12\..*cudnn-runtime/);
  });

  test('listens where it says', () => {
    const port = settingSources.find(({ name }) => name === 'port')!.default;
    expect(lastOf('service', 'EXPOSE')?.text).toBe(String(port));
    expect(environmentOf('service')['WATCHNEXT_HOST']).toBe('0.0.0.0');
  });
});
