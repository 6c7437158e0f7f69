import { arch, cpus, release, type } from 'node:os';

/** What a benchmark answers: printed as a table or as JSON by the caller. */
export interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What the numbers depend on, and what they do not show. */
  readonly notes: readonly string[];
}

/** The machine in words: figures mean little without it. */
export const machine = (): string => {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${cpus().length} × ${model}, ${type()} ${release()} ${arch()}, Node ${process.versions.node}`;
};

/** A table as markdown, so that it can be pasted into a document as it is. */
export const formatBench = ({ title, columns, rows, notes }: BenchTable): string => {
  const cells = [
    columns,
    ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell))),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [`### ${title}`, '', line(head), rule, ...body.map(line), ...notes.map((text) => `\n${text}`)].join('\n');
};

/** The middle value; of an even number, the upper of the two in the middle. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
