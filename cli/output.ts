import { SingleBar } from 'cli-progress';
import { WatchnextError, type ErrorCode, type Problem } from '../src/errors.js';
import { remedyOf } from '../src/remedies.js';

/** Results go to stdout, everything for the eye only to stderr: pipes see results alone. */
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** What went wrong, for programs: they find it where the result would be. */
export const printErrorJson = (code: ErrorCode, message: string, problems: readonly Problem[] = []): void =>
  print(JSON.stringify({ error: { code, message, problems } }));

/** Tells what went wrong and answers the exit code: 2 for a slip in the arguments, 1 for anything else. */
export const printError = (thrown: unknown, { json }: { readonly json: boolean }): number => {
  const error = fileFailure(thrown) ?? thrown;
  if (!(error instanceof WatchnextError)) {
    if (json) printErrorJson('internal', error instanceof Error ? error.message : String(error));
    note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
  if (json) printErrorJson(error.code, error.message, error.problems);
  note(`watchnext: ${error.message}`);
  for (const { path, message, hint } of error.problems) {
    note(`  ${path}: ${message}`);
    if (hint !== undefined) note(`      ${hint}`);
  }
  return error.code === 'usage' ? 2 : 1;
};

/** A disk that is full or a folder of somebody else is no fault of the program: the file and what to do say more than a stack. */
const fileFailure = (thrown: unknown): WatchnextError | undefined => {
  const { code, path, message } = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : {};
  const hint = remedyOf(code);
  if (hint === undefined || path === undefined || message === undefined) return undefined;
  return new WatchnextError('settings_invalid', `${path} cannot be used.`, {
    problems: [{ path, message, hint }],
    cause: thrown,
  });
};

/** Columns of text, numbers to the right. */
export const formatTable = (columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string => {
  const cells = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const right = columns.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^[-+\d.,%±x ]*$/.test(String(row[column] ?? ''))),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const [head = [], ...body] = cells;
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(line)].join('\n');
};

/** A markdown table as columns of text. */
export const markdownAsText = (markdown: string): string => {
  const [columns = [], , ...rows] = markdown.split('\n').map((line) => line.slice(2, -2).split(' | '));
  return formatTable(columns, rows);
};

/** What a step of long work reports: how far it is, in rows. */
export interface Step {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly detail?: string;
}

/**
 * Progress of long work on stderr: a bar on a terminal, a line per finished step elsewhere. `stop` leaves the terminal
 * as it was.
 */
export const createProgress = (enabled = true): { show(step: Step): void; stop(): void } => {
  let label: string | undefined;
  let bar: SingleBar | undefined;
  const terminal = process.stderr.isTTY;
  const finish = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show({ label: next, done, total, detail = '' }) {
      if (!enabled) return;
      if (next !== label) {
        finish();
        label = next;
        if (!terminal) note(next);
      }
      if (!terminal) return;
      bar ??= startBar(next, total);
      bar.update(done, { detail });
    },
    stop: finish,
  };
};

const startBar = (label: string, total: number): SingleBar => {
  const bar = new SingleBar({
    format: `${label.padEnd(26)} {bar} {percentage}% {value}/{total} {eta_formatted} {detail}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: false,
    stream: process.stderr,
  });
  bar.start(total, 0, { detail: '' });
  return bar;
};
