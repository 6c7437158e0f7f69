import { Worker } from 'node:worker_threads';
import { TestEnvironment } from 'jest-environment-node';

/** The slowest suite takes 90 s on a quiet machine with two cores; those of the long fault runs have no limit. */
const suiteLimitMs = Number(process.env.SUITE_LIMIT_MS ?? 600_000);

/**
 * Shares the typed-array constructors of the outer realm with the tests: ONNX Runtime builds its output tensors with
 * the outer ones and refuses data that is no instance of them.
 */
export default class SharedArraysEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.suite = context.testPath;
  }

  async setup() {
    await super.setup();
    if (suiteLimitMs > 0) {
      const workerData = { suite: this.suite, limitMs: suiteLimitMs };
      this.watchdog = new Worker(new URL('./watchdog.js', import.meta.url), { workerData });
      this.watchdog.unref();
    }
    const shared = Object.getOwnPropertyNames(globalThis).filter(
      (name) => /(Array|ArrayBuffer)$/.test(name) && name !== 'Array',
    );
    for (const name of shared) this.global[name] = globalThis[name];
  }

  /** Commands under test say how they ended by the exit code of this process, which is Jest's own when tests run in it. */
  async teardown() {
    process.exitCode = undefined;
    await this.watchdog?.terminate();
    await super.teardown();
  }
}
