import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly hasInstallScript?: boolean;
        readonly resolved?: string;
        readonly integrity?: string;
        readonly link?: boolean;
      }
    >
  >;
};
const { allowScripts } = JSON.parse(read('package.json')) as {
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('npm ci', () => {
  test('meets no install script that package.json does not name, and runs none', () => {
    const scripts = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
    const names = [...new Set(scripts.map(([path]) => nameOf(path)))];
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => allowScripts[name] === undefined)).toEqual([]);
    expect(Object.values(allowScripts)).toEqual(Object.values(allowScripts).map(() => false));
    expect(read('.npmrc').split('\n')).toContain('ignore-scripts=true');
  });

  test('takes packages by their checksums, and from the registry that it is told', () => {
    const packages = Object.entries(lock.packages).filter(([path, { link }]) => path !== '' && link !== true);
    expect(packages.length).toBeGreaterThan(100);
    expect(
      packages.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([path]) => path),
    ).toEqual([]);
    const elsewhere = packages.filter(([, { resolved }]) => resolved !== undefined && !/^https:\/\//.test(resolved));
    expect(elsewhere).toEqual([]);
  });
});
