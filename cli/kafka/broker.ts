import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../ending.js';
import { freePort } from '../free-port.js';
import { startGuardedServer, type GuardedServer } from '../guarded.js';
import { fetchJars } from './jars.js';
import { javaProgram, requirePrograms } from './programs.js';
import { serverProperties, type BrokerPorts } from './settings.js';
import { exactVersion } from './versions.js';

const run = promisify(execFile);
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** A Kafka broker of one node on loopback, started by {@link startBroker}. A temporary data folder goes with `stop`. */
export interface Broker extends GuardedServer {
  /** `127.0.0.1:port`; stays the same across `restart`. */
  readonly brokers: readonly string[];
  readonly version: string;
}

export interface BrokerOptions {
  /** `3.9`, `4` (the pinned ones) or an exact version. */
  readonly version?: string;
  /** 0 picks a free one. */
  readonly port?: number;
  /** Kept when it ends; temporary if left out. */
  readonly dataDirectory?: string;
  /** Where the jars are kept between runs. */
  readonly cacheDirectory?: string;
  /** Further lines of server.properties, and others instead of ours. */
  readonly properties?: (ports: BrokerPorts) => Readonly<Record<string, string>>;
  /** Who may sign in by SCRAM, where the properties ask for it; of a data folder that is new. */
  readonly users?: readonly ScramUser[];
}

export interface ScramUser {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly name: string;
  readonly password: string;
}

/** One core and little memory are enough for a broker that tests and demos talk to. */
const javaOptions = [
  '-Xms128m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
];

/**
 * Starts Apache Kafka's own server (KRaft, no ZooKeeper) on loopback and resolves when it answers. The jars come through
 * Maven the first time. The broker never outlives this process.
 */
export const startBroker = async (options: BrokerOptions = {}): Promise<Broker> => {
  await requirePrograms();
  const version = exactVersion(options.version ?? '4');
  const jars = await fetchJars(version, options.cacheDirectory ?? join('.cache', 'kafka'));
  const { path: home, remove: discard } = await temporaryFolder('watchnext-kafka-');
  const dataDirectory = options.dataDirectory ?? join(home, 'data');
  const settings = join(home, 'server.properties');
  const java = (main: string, ...rest: string[]): string[] => [...javaOptions, '-cp', join(jars, '*'), main, ...rest];

  try {
    await mkdir(dataDirectory, { recursive: true });
    const port = options.port === undefined || options.port === 0 ? await freePort() : options.port;
    const controllerPort = await freePort();
    await writeFile(
      settings,
      serverProperties({
        port,
        controllerPort,
        dataDirectory,
        more: options.properties?.({ port, controllerPort }) ?? {},
      }),
    );
    if (!existsSync(join(dataDirectory, 'meta.properties'))) {
      const clusterId = 'd2F0Y2huZXh0LWthZmthMQ';
      const users = (options.users ?? []).flatMap(({ mechanism, name, password }) => [
        '--add-scram',
        `${mechanism}=[name=${name},password=${password}]`,
      ]);
      await run(javaProgram(), java('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settings, ...users));
    }
    const server = await startGuardedServer({
      name: 'Kafka',
      command: [javaProgram(), ...java('kafka.Kafka', settings)],
      ready: /Kafka Server started/,
      startTimeoutMs: START_TIMEOUT_MS,
      stopTimeoutMs: STOP_TIMEOUT_MS,
      onStopped: discard,
    });
    return { ...server, brokers: [`127.0.0.1:${port}`], version };
  } catch (error) {
    await discard();
    throw error;
  }
};
