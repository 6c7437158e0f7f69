/** Ends a run with its totals on one line, for whoever reads logs by their last line: `tests: 12 passed, 0 failed, 1 skipped`. */
export default class Totals {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numPendingTests, testResults }) {
    // A file that cannot be loaded has failed without a test of its own.
    const failed = numFailedTests + testResults.filter(({ testExecError }) => testExecError).length;
    const skipped = numPendingTests === 0 ? '' : `, ${numPendingTests} skipped`;
    // The runner's own summary is printed after its reporters have been asked.
    process.once('exit', () => process.stdout.write(`\ntests: ${numPassedTests} passed, ${failed} failed${skipped}\n`));
  }
}
