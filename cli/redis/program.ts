import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { WatchnextError, type Problem } from '../../src/errors.js';

const run = promisify(execFile);

/** A Java library that carries Redis' own server, built for each of these; Maven fetches it like Kafka's jars. */
const packaged = { group: 'com.github.codemonstur', artifact: 'embedded-redis', version: '1.4.4' } as const;
const builds: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-amd64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-amd64',
  'darwin-arm64': 'darwin-arm64',
};

const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>watchnext</groupId>
  <artifactId>redis-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>${packaged.group}</groupId><artifactId>${packaged.artifact}</artifactId><version>${packaged.version}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
    </dependency>
  </dependencies>
</project>
`;

/** Of a program that runs here, what it says of its version. */
const versionOf = async (program: string): Promise<string | undefined> =>
  run(program, ['--version']).then(
    ({ stdout }) => /v=([\d.]+)/.exec(stdout)?.[1] ?? 'unknown',
    () => undefined,
  );

export interface RedisProgram {
  readonly path: string;
  readonly version: string;
}

/**
 * A Redis server that runs here: redis-server or valkey-server on PATH, else the one that Maven fetches into
 * `cacheDirectory` the first time. Throws a usage error that says what is missing.
 */
export const redisProgram = async (cacheDirectory: string): Promise<RedisProgram> => {
  for (const path of ['redis-server', 'valkey-server']) {
    const version = await versionOf(path);
    if (version !== undefined) return { path, version };
  }
  const fetched = await fetchServer(cacheDirectory);
  const version = await versionOf(fetched);
  if (version !== undefined) return { path: fetched, version };
  throw missing({ path: fetched, message: 'does not run on this machine' });
};

/** The folder appears whole or not at all, so that an interrupted download is never taken for a complete one. */
const fetchServer = async (cacheDirectory: string): Promise<string> => {
  const build = builds[`${process.platform}-${process.arch}`];
  if (build === undefined)
    throw missing({ path: 'redis-server', message: `there is none to fetch for ${process.platform} ${process.arch}` });
  const target = resolve(cacheDirectory, packaged.version);
  if (existsSync(target)) return serverIn(target);
  await mkdir(cacheDirectory, { recursive: true });
  const work = await mkdtemp(join(cacheDirectory, '.fetching-'));
  try {
    await writeFile(join(work, 'pom.xml'), project);
    const only = `-Dmdep.unpack.includes=redis-server-*-${build}`;
    await run('mvn', ['--batch-mode', '--quiet', 'dependency:unpack-dependencies', only, '-DoutputDirectory=server'], {
      cwd: work,
      maxBuffer: 16 << 20,
    });
    await chmod(await serverIn(join(work, 'server')), 0o755);
    await rename(join(work, 'server'), target);
  } catch (cause) {
    if (!existsSync(target)) throw missing(reasonOf(cause), cause);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return serverIn(target);
};

const serverIn = async (folder: string): Promise<string> => {
  const server = (await readdir(folder)).find((name) => name.startsWith('redis-server'));
  if (server === undefined) throw new Error(`there is no redis-server in ${folder}`);
  return join(folder, server);
};

const reasonOf = (cause: unknown): Problem => {
  const { code, stdout = '' } = cause as { code?: unknown; stdout?: string };
  if (code === 'ENOENT') return { path: 'mvn', message: 'was not found' };
  const said = stdout.split('\n').find((line) => line.includes('[ERROR]')) ?? String(cause);
  return { path: 'mvn', message: said.trim() };
};

const missing = (problem: Problem, cause?: unknown): WatchnextError => {
  const hint = 'put redis-server on PATH, or install Apache Maven: it fetches one';
  return new WatchnextError('usage', 'a Redis server cannot be started on this machine', {
    problems: [
      { path: 'redis-server', message: 'was not found on PATH' },
      { ...problem, hint },
    ],
    cause,
  });
};
