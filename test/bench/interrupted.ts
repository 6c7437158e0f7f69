import { inTemporaryFolder, runProgram } from '../../cli/ending.js';
import { startPeer } from '../../bench/serving-peers.js';
import { Command } from 'commander';

/** A program as benchmarks are: with a peer and a folder, for as long as it is left alone. Its argument stands for Python. */
const program = new Command('interrupted').argument('<python>').action((python: string) =>
  inTemporaryFolder('watchnext-interrupted-', async (folder) => {
    const { url } = await startPeer(python, folder, { app: 'lean', graph: 'split', workers: 1, threads: 1 });
    process.stdout.write(`${JSON.stringify({ folder, url })}\n`);
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  }),
);
await runProgram(program);
