import { describe, expect, test } from '@jest/globals';
import { datasetWarning, summaryText } from '../../cli/dataset-text.js';
import { openRows, rankerOf } from './builder.js';

const definition = rankerOf(
  `{reader: {kind: id, scope: user, dim: 2}, item_id: {kind: id, scope: candidate, dim: 2},
    topic: {kind: category, scope: candidate, values: [sport, 7, true]}, stars: {kind: category, scope: candidate, values: [1, '2']}}`,
  '{click: {kind: binary, label: clicked}, dwell: {kind: regression, label: seconds, when: click}}',
);

/** Rows (time, user_id, reader, item_id, topic, stars, clicked, seconds). */
const rows = (...values: readonly string[]): string =>
  `SELECT *, 'x' AS slot FROM (VALUES ${values.map((each) => `(${each})`).join(', ')})
    AS t(time, user_id, reader, item_id, topic, stars, clicked, seconds)`;

describe('what a data set holds', () => {
  test('is told by requests, labels, missing values and columns that nothing reads', async () => {
    const dataset = await openRows(
      rows(
        "1, 'u', 'v', 'a', 'sport', 1, 1, 30",
        "2, 'u', 'v', 'b', NULL, 2, 0, 99",
        "3, 'u', 'v', 'c', '7', 1, 1, NULL",
      ),
      { definition },
    );
    const summary = await dataset.summary();
    expect(summary).toMatchObject({ rows: 3, requests: 3, unread: ['slot'] });
    expect(summary.labels.get('click')).toEqual({ known: 3, mean: 2 / 3 });
    // Of three rows one has no seconds, and one was not clicked.
    expect(summary.labels.get('dwell')).toEqual({ known: 1, mean: 30 });
    expect(summary.missing.get('topic')).toBe(1);
    const text = summaryText(summary, dataset.columns);
    expect(text).toEqual(
      expect.arrayContaining([
        '3 rows in 3 requests',
        'no column request_id: every row is a list of its own',
        'no column position: nobody knows what stood where',
        'read by nothing: slot',
        'missing: topic in 33.3 % of rows',
      ]),
    );
    expect(dataset.warnings.counts.size).toBe(0);
    await dataset.close();
  });

  test('counts a request once, and rows without a request id each', async () => {
    const dataset = await openRows(
      "SELECT unnest(['p', 'p', NULL, NULL]) AS request_id, 1 AS time, unnest([1, 2, 3, 4]) AS item_id, 1 AS clicked",
    );
    expect(await dataset.summary()).toMatchObject({ rows: 4, requests: 3 });
    await dataset.close();
  });
});

describe('what is hardly meant is said', () => {
  const warningsOf = async (...values: readonly string[]): Promise<string[]> => {
    const dataset = await openRows(rows(...values), { definition });
    await dataset.close();
    return [...dataset.warnings.counts].map(([code, count]) => `${code}: ${count}`);
  };

  test('where many values of a category are not listed, as for other capitals', async () => {
    expect(
      await warningsOf(
        "1, 'u', 'v', 'a', 'Sport', 1, 1, 1",
        "2, 'u', 'v', 'b', 'true', 2, 0, 2",
        "3, 'u', 'v', 'c', NULL, 3, 1, 3",
      ),
    ).toEqual(['unlisted_values topic: 1', 'unlisted_values stars: 1']);
  });

  test('not where few are', async () => {
    const nine = Array.from({ length: 10 }, (_, i) => `${i}, 'u', 'v', 'i${i}', 'sport', 1, ${i % 2}, ${i}`);
    expect(await warningsOf("90, 'u', 'v', 'a', 'chess', 1, 1, 1", ...nine)).toEqual([]);
  });

  test('where an id is that of the user under another name, which no request gives', async () => {
    const [code = '', ...others] = await warningsOf(
      "1, 7, '7', 'a', 'sport', 1, 1, 1",
      "2, 8, '8', 'a', 'sport', 1, 0, 2",
    );
    expect([code, others]).toEqual(['same_as_user_id reader: 2', []]);
    expect(datasetWarning('same_as_user_id reader', 2)).toContain('write from: user_id');
  });

  test('where a label is the same wherever it is known, so that nothing can be learned of it', async () => {
    const counted = await warningsOf("1, 'u', 'v', 'a', 'sport', 1, 0, 5", "2, 'u', 'v', 'b', 'sport', 1, 0, 7");
    expect(counted).toEqual(['same_label_in_every_row clicked: 2']);
    expect(datasetWarning('same_label_in_every_row clicked', 2)).toContain('clicked is the same wherever it is known');
  });

  test('where numbers are too large for a feature, which then counts them as missing', async () => {
    const dataset = await openRows(
      `SELECT unnest([1, 2, 3, 4, 5]) AS time, unnest([0, 1, 0, 1, 0]) AS clicked,
        unnest(['inf'::DOUBLE, -3.5e38, 3.4e38, 'nan'::DOUBLE, NULL]) AS words`,
      { definition: rankerOf('{words: {kind: number, scope: candidate}}') },
    );
    expect([...dataset.warnings.counts]).toEqual([['infinite_values words', 2]]);
    // Other tools write what they do not know as NaN.
    expect((await dataset.summary()).missing.get('words')).toBe(2);
    await dataset.close();
  });
});

test('a mean is told with all that stands before its point', () => {
  const labels = new Map([
    ['dwell', { known: 2, mean: 31_042.4 }],
    ['click', { known: 2, mean: 0.0978 }],
  ]);
  const text = summaryText({ rows: 2, requests: 1, labels, missing: new Map(), unread: [] }, []).join('\n');
  expect(text).toMatch(/^dwell +2 +31,042$/m);
  expect(text).toMatch(/^click +2 +0\.0978$/m);
});
