import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WatchnextError } from '../../src/errors.js';

const run = promisify(execFile);

/** The server and a log that writes to standard error: without one, a broker that cannot start says nothing. */
const project = (version: string): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>watchnext</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/**
 * The folder with all jars of this version: fetched through Maven, by its own settings, the first time. The folder
 * appears whole or not at all, so that an interrupted download is never taken for a complete one.
 */
export const fetchJars = async (version: string, cacheDirectory: string): Promise<string> => {
  const target = join(cacheDirectory, version);
  if (existsSync(target)) return target;
  await mkdir(cacheDirectory, { recursive: true });
  const work = await mkdtemp(join(cacheDirectory, `.${version}-`));
  try {
    await writeFile(join(work, 'pom.xml'), project(version));
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=jars'];
    await run('mvn', ['--batch-mode', '--quiet', ...goal], { cwd: work, maxBuffer: 16 << 20 });
    await rename(join(work, 'jars'), target);
    return target;
  } catch (cause) {
    if (existsSync(target)) return target;
    const said = (cause as { stdout?: string }).stdout ?? '';
    const reason = said.split('\n').find((line) => line.includes('[ERROR]')) ?? String(cause);
    throw new WatchnextError('usage', `Maven could not fetch Apache Kafka ${version}`, {
      problems: [
        { path: 'mvn', message: reason.trim(), hint: 'see that Maven reaches a repository, and the version exists' },
      ],
      cause,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};
