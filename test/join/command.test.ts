import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseDefinition } from '../../src/definition/index.js';
import { openEmbeddedLog, recordOf, type EventLog, type LoggedEvent } from '../../src/events/index.js';
import { openExamplesStream, openJoinedStream } from '../../src/join/index.js';
import { hour, marker, minuteMs, readAll, start } from './world.js';

const text = `name: films
features:
  length: { kind: number, scope: candidate }
  watched: { kind: history, scope: user, of: item_id, on: click, dim: 2 }
tasks:
  click: { group: engagement, kind: binary, label: is_click }
  watch: { group: engagement, kind: regression, label: seconds, when: click }
network: { kind: mmoe }
score: { form: sum, weights: { click: 1 } }
labels:
  click: { wait: 3m, late: supplement }
stream: { checkpoint: 1s }
`;
const definition = parseDefinition(text);

let folder: string;
let log: EventLog;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-join-'));
  await mkdir(join(folder, 'models/films'), { recursive: true });
  await writeFile(join(folder, 'models/films/ranker.yaml'), text);
  log = await openEmbeddedLog({ directory: join(folder, 'log'), partitions: 2 });
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

const append = (events: readonly LoggedEvent[]): Promise<void> =>
  log.append(
    'events',
    events.flatMap((event) => (event.kind === 'marker' ? [0, 1].map((p) => recordOf(event, p)) : [recordOf(event)])),
  );

/** Starts the command; `until` resolves with the first line of progress that is wanted. */
function joining(...flags: string[]): { child: ChildProcess; until: (upTo: number) => Promise<void> } {
  const given = ['--models', join(folder, 'models'), '--log-directory', join(folder, 'log'), '--json'];
  const child = spawn(
    process.execPath,
    ['--import', './test/typescript/register.js', 'cli/main.ts', 'join', 'films', ...given, ...flags],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    child,
    async until(upTo) {
      for (let seen = 0; ; seen++) {
        if (seen === lines.length) await once(reader, 'line');
        const { upTo: said } = JSON.parse(lines[seen]!) as { upTo: string | null };
        if (said !== null && Date.parse(said) >= upTo) return;
      }
    },
  };
}

test('the command joins what is there and what comes, is killed and goes on, and stops when it is told to', async () => {
  const events = hour(definition, { seed: 31, lists: 40 });
  const half = events.findIndex(({ time }) => time > start + 20 * minuteMs);
  await append(events.slice(0, half));
  const first = joining();
  await first.until(start + 15 * minuteMs);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  await append([...events.slice(half), marker(start + 120 * minuteMs)]);
  const second = joining();
  await second.until(start + 119 * minuteMs);
  second.child.kill('SIGTERM');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
  const whole = await readAll(await openJoinedStream({ log, definition }), 1000, 3);
  expect(await readAll(await openExamplesStream({ log, definition }), 1000, 3)).toEqual(whole);
  expect(whole.examples.length).toBeGreaterThanOrEqual(40);
});

test('the command refuses partitions that the log does not have', async () => {
  const { child } = joining('--partitions', '0,9');
  expect(await once(child, 'exit')).toEqual([2, null]);
});
