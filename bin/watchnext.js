#!/usr/bin/env node
// Starts the built command; in a fresh checkout it builds once first, so that `npx watchnext` works right after `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const entry = `${root}dist/cli/main.js`;
if (!existsSync(entry)) {
  process.stderr.write('watchnext: building once (tsc) …\n');
  // Beside it, then renamed: an interrupted build leaves no half of one, and two at once do not meet.
  const draft = `${root}.cache/dist-${process.pid}`;
  const built = spawnSync(
    process.execPath,
    [
      `${root}node_modules/typescript/bin/tsc`,
      ...['-p', `${root}tsconfig.build.json`],
      ...['--outDir', draft, '--incremental', 'false', '--tsBuildInfoFile', 'null'],
    ],
    { stdio: 'inherit' },
  );
  if (built.status === 0 && !existsSync(entry)) {
    rmSync(`${root}dist`, { recursive: true, force: true });
    renameSync(draft, `${root}dist`);
  } else rmSync(draft, { recursive: true, force: true });
  if (built.status !== 0) process.exit(built.status ?? 1);
}
await import(entry);
