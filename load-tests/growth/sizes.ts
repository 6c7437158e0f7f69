import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { loadRanker } from '../../src/definition/index.js';
import { inputLayout } from '../../src/features/index.js';
import { createNetwork } from '../../training/network/index.js';

/** Networks of one kind, each a few times as large as the one before: with some 750 inputs 50 k to 5 M parameters. */
export const networks = [
  { experts: 2, expert_layers: [24, 16], towers: [16] },
  { experts: 4, expert_layers: [56, 32], towers: [32] },
  { experts: 8, expert_layers: [112, 64], towers: [32] },
  { experts: 8, expert_layers: [256, 128], towers: [64] },
  { experts: 8, expert_layers: [640, 256], towers: [64] },
] as const;

/** The definition with another network, in a folder of its own; answers its file and how many parameters that has. */
export const withNetwork = async (
  file: string,
  network: (typeof networks)[number],
  folder: string,
): Promise<{ readonly file: string; readonly parameters: number }> => {
  const document = parseDocument(await readFile(file, 'utf8'));
  document.set('network', document.createNode({ kind: 'mmoe', ...network }));
  await mkdir(folder, { recursive: true });
  const own = join(folder, 'ranker.yaml');
  await writeFile(own, document.toString());
  const { definition } = await loadRanker(own);
  const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
  const { parameters } = createNetwork({ definition: definition.network, tasks, ...inputLayout(definition) });
  const sizes = parameters.map(({ shape }) => shape.reduce((size, dimension) => size * dimension, 1));
  return { file: own, parameters: sizes.reduce((sum, size) => sum + size, 0) };
};
