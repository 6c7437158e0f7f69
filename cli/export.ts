import { Command } from 'commander';
import { openArtifacts, referenceName } from '../src/artifact/index.js';
import { exportSelfContained, verifySelfContained } from '../training/fit/index.js';
import { print } from './output.js';
import { parseReference } from './reference.js';
import { requireWritableFile, writeOut } from './writable.js';

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
      await requireWritableFile(selfContained, '--self-contained');
      const artifact = await openArtifacts(models).load(ranker, version);
      const bytes = exportSelfContained({ artifact });
      await verifySelfContained(artifact, bytes);
      await writeOut(selfContained, bytes);
      const name = referenceName({ version: artifact.manifest.version, sequence: artifact.chain.sequence });
      print(`${selfContained}: ${(bytes.length / 1e6).toFixed(1)} MB, ${ranker}@${name}; its golden rows agree`);
    });
