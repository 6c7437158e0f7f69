import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WatchnextError, type Problem } from '../../src/errors.js';

const run = promisify(execFile);
const OLDEST_JAVA = 17;

export const javaProgram = (): string =>
  process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');

const javaProblem = async (): Promise<Problem | undefined> => {
  const hint = `install a Java runtime of version ${OLDEST_JAVA} or later, and put it on PATH or set JAVA_HOME`;
  try {
    const { stdout, stderr } = await run(javaProgram(), ['-version']);
    const major = Number(/version "(?:1\.)?(\d+)/.exec(stdout + stderr)?.[1] ?? NaN);
    if (major >= OLDEST_JAVA) return undefined;
    return { path: 'java', message: `is version ${major}; Kafka's server needs ${OLDEST_JAVA} or later`, hint };
  } catch {
    return { path: 'java', message: 'was not found', hint };
  }
};

const mavenProblem = async (): Promise<Problem | undefined> => {
  try {
    await run('mvn', ['--version']);
    return undefined;
  } catch {
    return { path: 'mvn', message: 'was not found', hint: 'install Apache Maven: it fetches Kafka’s jars' };
  }
};

/** What a broker of our own needs and this machine lacks; nothing if it can be started. */
export const missingPrograms = async (): Promise<readonly Problem[]> => {
  const problems = await Promise.all([javaProblem(), mavenProblem()]);
  return problems.filter((problem) => problem !== undefined);
};

export const requirePrograms = async (): Promise<void> => {
  const problems = await missingPrograms();
  if (problems.length > 0)
    throw new WatchnextError('usage', 'a Kafka broker cannot be started on this machine', { problems });
};
