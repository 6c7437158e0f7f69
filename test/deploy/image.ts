import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformFileSync } from '@swc/core';
import { stepsOf, type Step } from './dockerfile.js';

/**
 * Does in plain folders, and without a network, what the Dockerfile does: a folder per stage, the same copies and the same
 * commands. Two commands are replaced by what they come to: `npm ci` by the packages that the lock file then names, taken
 * from this checkout, and the build by its sources without types. Answers what is /app in the image.
 */
export const buildImage = (target: string, into: string): string => {
  const built = new Map<string, string>();
  const build = (stage: string): string => {
    const known = built.get(stage);
    if (known !== undefined) return known;
    const folder = join(into, stage);
    mkdirSync(folder, { recursive: true });
    built.set(stage, folder);
    const variables: Record<string, string> = { DEVICE: 'cpu' };
    for (const step of stepsOf(stage)) {
      if (step.keyword === 'ARG') {
        const [, name, value] = /^(\w+)=?"?([^"]*)"?$/s.exec(step.text) ?? [];
        if (name !== undefined) variables[name] ??= value ?? '';
      } else if (step.keyword === 'COPY') copy(step, folder, build);
      else if (step.keyword === 'RUN') run(step.text, folder, variables);
    }
    return folder;
  };
  return build(target);
};

const copy = ({ from, paths }: Step, folder: string, build: (stage: string) => string): void => {
  // Of an image from elsewhere: Node itself.
  if (from === 'node') return;
  const to = paths.at(-1)!;
  for (const path of paths.slice(0, -1)) {
    const source = from === undefined ? path : join(build(from), path.replace(/^\/app\//, ''));
    if (!existsSync(source)) throw new Error(`the Dockerfile copies ${path}, which is not there`);
    cpSync(source, to.endsWith('/') ? join(folder, to, path) : join(folder, to), { recursive: true });
  }
};

const run = (command: string, folder: string, variables: Readonly<Record<string, string>>): void => {
  if (command.startsWith('npm ci')) {
    if (command.includes('--omit=dev')) installed(folder);
  } else if (command === 'npm run build') compiled(folder);
  else if (!command.startsWith('install -d'))
    execFileSync('sh', ['-ec', command.replace(/^npm /, 'npm --offline ')], {
      cwd: folder,
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
};

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** The packages that `npm ci --omit=dev` installs by the lock file there. */
const lockedPackages = (folder: string): readonly string[] => {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as LockFile;
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(([path]) => path);
};

/** Libraries for other platforms, a quarter of a gigabyte: of these only the folders are copied, to be removed. */
const foreign = new RegExp(`/onnxruntime-node/bin/napi-v6/(?!linux/${process.arch}/)`);

const installed = (folder: string): void => {
  for (const path of lockedPackages(folder)) {
    // Of the optional ones only those of this platform are here.
    if (!existsSync(path)) continue;
    const nested = join(path, 'node_modules');
    cpSync(path, join(folder, path), {
      recursive: true,
      filter: (source) => !source.startsWith(nested) && !(foreign.test(source) && statSync(source).isFile()),
    });
  }
};

const compiled = (folder: string): void => {
  const sources = (directory: string): string[] =>
    readdirSync(join(folder, directory), { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
    });
  for (const path of ['cli', 'src', 'training'].flatMap(sources)) {
    const { code } = transformFileSync(join(folder, path), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    const to = join(folder, 'dist', path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, code);
  }
};
