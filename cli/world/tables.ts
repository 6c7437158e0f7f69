import type { Truth, WorldDay, WorldReport } from '../../training/dataset/index.js';
import { formatTable } from '../output.js';

/** Of every list: sums over its places, means over visits. */
const columns = ['visits', 'users', 'satisfaction', 'clicks', 'watch s', 'likes', 'dismissals'] as const;

const cells = (truth: Truth): string[] => [
  String(truth.visits),
  String(truth.users),
  truth.satisfaction.toFixed(3),
  truth.click.toFixed(3),
  truth.watch.toFixed(1),
  truth.like.toFixed(4),
  truth.dismiss.toFixed(4),
];

const dayWidths = [5, ...columns.map((name) => Math.max(8, name.length))] as const;
const dayLine = (row: readonly string[]): string =>
  row.map((cell, column) => cell.padStart(dayWidths[column] ?? 0)).join('  ');

/** Days come one by one, so their columns have fixed widths. */
export const dayHeader = dayLine(['day', ...columns]);
export const tellDay = (day: WorldDay): string => dayLine([String(day.day), ...cells(day)]);

export const tellArms = ({ arms, total }: WorldReport): string =>
  formatTable(
    ['arm', ...columns],
    [...Object.entries(arms).map(([arm, truth]) => [arm, ...cells(truth)]), ['everybody', ...cells(total)]],
  );

/** The draws around the expectations, and what of them the service was told. */
export const tellHappened = ({ total, feedback }: WorldReport): string => {
  const { click, watch, like } = total.happened;
  return [
    `happened: ${click.toFixed(3)} clicks, ${watch.toFixed(1)} s watched, ${like.toFixed(4)} likes a visit`,
    `${feedback.sent} events told, ${feedback.duplicates} of them known before, ${feedback.refused} refused`,
  ].join('; ');
};
