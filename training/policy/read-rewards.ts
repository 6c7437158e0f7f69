import type { MetricRule } from '../../src/definition/index.js';
import { sqlField, sqlText } from '../dataset/index.js';

/**
 * SQL: what each shown item brought to a metric, as rows (request_id, item_id, total, events). Of several feedback on one item
 * those count that count in the report of an experiment.
 */
export const rewardRows = ({ of, take, several, over }: MetricRule): string => {
  const kinds = of.map(sqlText).join(', ');
  const told =
    over === undefined
      ? `SELECT request_id, item_id, "time", "value" AS v FROM feedback WHERE what IN (${kinds})`
      : `SELECT f.request_id, f.item_id, f."time",
           f."value" / nullif(try_cast(${sqlField('s.fields', over)} AS DOUBLE), 0) AS v
         FROM feedback f JOIN shown s USING (request_id, item_id) WHERE f.what IN (${kinds})`;
  const grouped = (total: string, events: string, known = ''): string =>
    `SELECT request_id, item_id, (${total})::DOUBLE AS total, (${events})::DOUBLE AS events
     FROM (${told}) ${known} GROUP BY ALL`;
  if (take === 'any') return grouped('1', '1');
  if (take === 'count') return several === 'each' ? grouped('count(*)', 'count(*)') : grouped('1', '1');
  const known = 'WHERE v IS NOT NULL';
  switch (several) {
    case 'each':
      // In the order of the values: that of the rows is the database’s, and the last digit of a sum depends on it.
      return grouped('sum(v ORDER BY v)', 'count(*)', known);
    case 'last':
      return grouped('last(v ORDER BY "time", v)', '1', known);
    case 'largest':
      return grouped('max(v)', '1', known);
  }
};
