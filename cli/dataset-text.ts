import type { DatasetSummary, DatasetWarning } from '../training/dataset/index.js';
import { formatTable } from './output.js';

const whole = (value: number): string => value.toLocaleString('en-US');
const some = (n: number, what: string): string => `${whole(n)} ${what}${n === 1 ? '' : 's'}`;

/** What was counted, and what to do about it. */
export const datasetWarning = (code: DatasetWarning, count: number): string => {
  const [kind = '', ...rest] = code.split(' ');
  const column = rest.join(' ');
  const id = kind.replace('same_as_', '');
  switch (kind) {
    case 'duplicate_rows':
      return `${some(count, 'row')} left out: exact copies of others`;
    case 'rows_without_time':
      return `${some(count, 'row')} left out: time is NULL`;
    case 'conflicting_request_fields':
      return `${some(count, 'request')} whose rows disagree on a field of the user or the context: that of the first row is used`;
    case 'null_in_every_row':
      return `${column} is NULL in every one of ${some(count, 'row')}: check the expression that makes it`;
    case 'infinite_values':
      return `${column}: ${some(count, 'row')} with a number that is infinite or beyond 3.4e38, which counts as missing: check the expression that makes it`;
    case 'same_label_in_every_row':
      return `${column} is the same wherever it is known, in ${some(count, 'row')}: a task learns nothing of it; check the expression that makes it`;
    case 'unlisted_values':
      return `${column}: ${some(count, 'row')} with a value that the feature does not list, which counts as unknown: compare the spelling, capitals too`;
    default:
      return `${column} is ${id} in all ${some(count, 'row')}; a request gives that id as "id" alone, not as ${column}: write from: ${id}`;
  }
};

/** What a log without one of these columns is like; undefined where that makes no difference. */
const without: Readonly<Record<string, string>> = {
  request_id: 'every row is a list of its own',
  user_id: 'nobody is told apart',
  item_id: 'candidates are not told apart',
  position: 'nobody knows what stood where',
};

const share = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`;

/** Three digits or all before the point: a mean of 31,000 that should be 31 shall be seen. */
const inShort = (value: number): string =>
  Math.abs(value) < 1000 || Math.abs(value) >= 1e15 ? value.toPrecision(3) : Math.round(value).toLocaleString('en-US');

/** What a data set holds, as text. */
export const summaryText = (
  { rows, requests, labels, missing, unread }: DatasetSummary,
  columns: readonly string[],
): string[] => {
  const lacking = Object.entries(without).filter(([column]) => !columns.includes(column));
  const gaps = [...missing].filter(([, count]) => count > 0);
  return [
    `${whole(rows)} rows in ${some(requests, 'request')}`,
    ...lacking.map(([column, meaning]) => `no column ${column}: ${meaning}`),
    ...(unread.length === 0 ? [] : [`read by nothing: ${unread.join(', ')}`]),
    ...(gaps.length === 0
      ? []
      : [`missing: ${gaps.map(([name, count]) => `${name} in ${share(count, rows)} of rows`).join(', ')}`]),
    '',
    formatTable(
      ['task', 'known in rows', 'mean'],
      [...labels].map(([task, { known, mean }]) => [task, whole(known), inShort(mean)]),
    ),
  ];
};
