import { Command } from 'commander';
import { openArtifacts, type Manifest } from '../src/artifact/index.js';
import { formatTable, print } from './output.js';
import { parseReference } from './reference.js';

interface InspectFlags {
  readonly models: string;
  readonly json?: boolean;
}

type Metrics = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const inspectCommand = (): Command =>
  new Command('inspect')
    .description('show a sealed version: manifest, metrics and expert utilisation')
    .argument('<ranker[@version]>', 'the active version if none is named')
    .option('--models <dir>', 'the folder of sealed versions', 'models')
    .option('--json', 'the manifest as JSON on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext inspect demo --models .demo/models
  $ watchnext inspect kuairand@20260430T235959Z-ab12cd --json`,
    )
    .action(async (reference: string, flags: InspectFlags) => {
      const { ranker, version } = parseReference(reference);
      const { manifest } = await openArtifacts(flags.models).load(ranker, version);
      if (flags.json === true) print(JSON.stringify(manifest));
      else printManifest(manifest);
    });

const section = (title: string, columns: readonly string[], rows: readonly (readonly (string | number)[])[]): void => {
  if (rows.length > 0) print(`\n${title}\n${formatTable(columns, rows)}`);
};

const printManifest = (manifest: Manifest): void => {
  const { ranker, version, created, fingerprint, data, seed, gitCommit } = manifest;
  print(`${ranker}@${version}`);
  print(`  created      ${created}`);
  print(`  fingerprint  ${fingerprint}`);
  print(`  learned      ${data.rows.toLocaleString('en-US')} rows from ${data.from} to ${data.until}, seed ${seed}`);
  if (gitCommit !== undefined) print(`  commit       ${gitCommit}`);
  const metrics = manifest.metrics as Metrics;
  const names = [...new Set(Object.values(metrics).flatMap((values) => Object.keys(values)))];
  const cell = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(4));
  section(
    'metrics on the held-out part',
    ['task', ...names],
    Object.entries(metrics).map(([task, values]) => [task, ...names.map((name) => cell(values[name]))]),
  );
  const utilisation = (manifest.trainer['utilisation'] ?? []) as readonly (readonly number[])[];
  section(
    'expert utilisation: mean gate weight per task',
    ['task', ...(utilisation[0] ?? []).map((_, i) => `expert ${i + 1}`)],
    utilisation.map((row, i) => [manifest.tasks[i]?.name ?? '', ...row.map((value) => value.toFixed(3))]),
  );
  section(
    'tables',
    ['table', 'ids', 'width'],
    manifest.tables.map(({ name, rows, dim }) => [name, rows, dim]),
  );
  section(
    'files',
    ['file', 'bytes', 'sha256'],
    manifest.files.map(({ path, bytes, sha256 }) => [path, bytes, sha256.slice(0, 16)]),
  );
};
