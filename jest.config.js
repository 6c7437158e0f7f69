// As commands do, in src/no-telemetry.ts; processes of tests inherit it.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

/** Tests run from TypeScript sources as ES modules; `.js` specifiers map back to their `.ts` files. */
export default {
  testEnvironment: './test/environment.js',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.ts', '$1.js'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // For machines that do much else: what never ends is found by the limit of its suite.
  testTimeout: 240_000,
  reporters: ['default', './test/totals.js'],
  // Tests run in a process of their own also where there is one worker: what native libraries do there at its end, and exit
  // codes that commands under test set, are not those of the run. It is replaced when it has grown this much.
  workerIdleMemoryLimit: '2GB',
};
