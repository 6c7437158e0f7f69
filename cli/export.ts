import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { openArtifacts, referenceName } from '../src/artifact/index.js';
import { WatchnextError } from '../src/errors.js';
import { exportSelfContained, verifySelfContained } from '../training/fit/index.js';
import { print } from './output.js';
import { parseReference } from './reference.js';

interface ExportFlags {
  readonly selfContained: string;
  readonly models: string;
}

export const exportCommand = (): Command =>
  new Command('export')
    .argument('<ranker[@version]>', 'the active version if none is named')
    .requiredOption('--self-contained <file>', 'the ONNX file to write')
    .option('--models <dir>', 'the folder of sealed versions', 'models')
    .addHelpText(
      'after',
      `
Its inputs are described in docs/artifact.md.

Examples:
  $ watchnext export demo --models .demo/models --self-contained demo.onnx`,
    )
    .action(async (reference: string, { selfContained, models }: ExportFlags) => {
      const { ranker, version } = parseReference(reference);
      const artifact = await openArtifacts(models).load(ranker, version);
      const bytes = exportSelfContained({ artifact });
      await verifySelfContained(artifact, bytes);
      await write(selfContained, bytes);
      const name = referenceName({ version: artifact.manifest.version, sequence: artifact.chain.sequence });
      print(`${selfContained}: ${(bytes.length / 1e6).toFixed(1)} MB, ${ranker}@${name}; its golden rows agree`);
    });

const write = async (file: string, bytes: Uint8Array): Promise<void> => {
  try {
    await writeFile(file, bytes);
  } catch (cause) {
    throw new WatchnextError('usage', `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
};
