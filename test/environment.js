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
}
