import { TestEnvironment } from 'jest-environment-node';

/**
 * Shares the typed-array constructors of the outer realm with the tests: ONNX Runtime builds its output tensors with
 * the outer ones and refuses data that is no instance of them.
 */
export default class SharedArraysEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    const shared = Object.getOwnPropertyNames(globalThis).filter(
      (name) => /(Array|ArrayBuffer)$/.test(name) && name !== 'Array',
    );
    for (const name of shared) this.global[name] = globalThis[name];
  }

  /** Commands under test say how they ended by the exit code of this process, which is Jest's own when tests run in it. */
  async teardown() {
    process.exitCode = undefined;
    await super.teardown();
  }
}
