import { Command } from 'commander';
import {
  openArtifacts,
  referenceName,
  sourcesOf,
  type LoadedArtifact,
  type Manifest,
  type RankerVersions,
} from '../src/artifact/index.js';
import { formatTable, print } from './output.js';
import { parseReference } from './reference.js';

interface InspectFlags {
  readonly models: string;
  readonly json?: boolean;
}

/** What could not be measured, for want of rows, is null in the manifest. */
type Metrics = Readonly<Record<string, Readonly<Record<string, number | null>>>>;

export const inspectCommand = (): Command =>
  new Command('inspect')
    .argument('<ranker[@version]>', 'the active version if none is named; <version>+<n> is the version with n deltas')
    .option('--models <dir>', 'the folder of sealed versions', 'models')
    .option('--json', 'the manifest as JSON on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext inspect demo --models .demo/models
  $ watchnext inspect kuairand@20260430T235959Z-ab12cd --json
  $ watchnext inspect kuairand@20260430T235959Z-ab12cd+17`,
    )
    .action(async (reference: string, flags: InspectFlags) => {
      const { ranker, version } = parseReference(reference);
      const artifacts = openArtifacts(flags.models);
      const artifact = await artifacts.load(ranker, version);
      const { manifest } = artifact;
      if (flags.json === true) {
        print(JSON.stringify(manifest));
        return;
      }
      printManifest(manifest);
      const deltas = await artifacts.deltas(ranker, manifest.version);
      printLearned(artifact, deltas.at(-1) ?? 0);
      const known = (await artifacts.list()).find((each) => each.ranker === ranker);
      if (known !== undefined) printRefusals(known);
    });

const section = (title: string, columns: readonly string[], rows: readonly (readonly (string | number)[])[]): void => {
  if (rows.length > 0) print(`\n${title}\n${formatTable(columns, rows)}`);
};

/** What the stream added to the version, as it was loaded and as far as it goes. */
const printLearned = ({ manifest, chain, learned, createdMs, tables }: LoadedArtifact, last: number): void => {
  if (last === 0) return;
  const { version } = manifest;
  print(`\nlearned since it was sealed: ${last} ${last === 1 ? 'delta' : 'deltas'}`);
  if (learned === undefined || createdMs === undefined) {
    print(
      `  shown as it was sealed; inspect ${manifest.ranker}@${referenceName({ version, sequence: last })} for the last`,
    );
    return;
  }
  print(`  shown with     ${chain.sequence}, of ${new Date(createdMs).toISOString()}`);
  print(`  learned until  ${new Date(learned.until).toISOString()}`);
  section(
    'tables with these deltas',
    ['table', 'ids'],
    [...tables].map(([name, { size }]) => [name, size]),
  );
};

const shownRefusals = 10;

const printRefusals = ({ active, through, refused = [] }: RankerVersions): void => {
  if (through !== undefined) print(`\nof ${active} only the first ${through} deltas may serve: the rest was withdrawn`);
  section(
    'last refused or withdrawn',
    ['when', 'what', 'why'],
    refused.slice(-shownRefusals).map(({ at, candidate, reason }) => [at, candidate, reason]),
  );
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
  const cell = (value: number | null | undefined): string =>
    typeof value !== 'number' ? '' : Number.isInteger(value) ? String(value) : value.toFixed(4);
  section(
    manifest.stream === undefined
      ? 'metrics on the held-out part'
      : 'metrics of its own predictions, on the newest rows',
    ['task', ...names],
    Object.entries(metrics).map(([task, values]) => [task, ...names.map((name) => cell(values[name]))]),
  );
  section(
    'rows learned from the stream, by who served them and in which arm',
    ['ranker', 'arm', 'rows'],
    Object.entries(sourcesOf(manifest) ?? {}).flatMap(([served, { rows, arms }]) => [
      [served, 'all', rows],
      ...Object.entries(arms).map(([arm, of]) => [served, arm, of]),
    ]),
  );
  section(
    'values of the heads that were usual on rows it was trained on',
    ['head', 'mean', 'deviation', 'least', 'greatest'],
    Object.entries(manifest.profile?.heads ?? {}).map(([head, { mean, deviation, least, greatest }]) => [
      head,
      ...[mean, deviation, least, greatest].map((value) => value.toPrecision(4)),
    ]),
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
