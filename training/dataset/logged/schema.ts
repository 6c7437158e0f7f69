/** What is written while the log is read, by table: columns and their types. */
const recordTables = {
  list_records: {
    list: 'UINTEGER',
    partition: 'INTEGER',
    log_offset: 'DOUBLE',
    request_id: 'VARCHAR',
    user_id: 'VARCHAR',
    time: 'DOUBLE',
    ranker: 'VARCHAR',
    version: 'VARCHAR',
    fingerprint: 'VARCHAR',
    arms: 'MAP(VARCHAR, VARCHAR)',
    weights: 'MAP(VARCHAR, DOUBLE)',
    form: 'VARCHAR',
    exploration:
      'STRUCT(share DOUBLE, temperature DOUBLE, swaps DOUBLE, drawn VARCHAR, swap_position INTEGER, swapped BOOLEAN)',
    tasks: 'VARCHAR[]',
    candidates: 'INTEGER',
    user_fields: 'JSON',
    context: 'JSON',
  },
  shown_records: {
    list: 'UINTEGER',
    item_id: 'VARCHAR',
    position: 'INTEGER',
    row_index: 'INTEGER',
    score: 'DOUBLE',
    propensity: 'DOUBLE',
    heads: 'FLOAT[]',
    fields: 'JSON',
  },
  unshown_records: { list: 'UINTEGER', item_id: 'VARCHAR', row_index: 'INTEGER', heads: 'FLOAT[]' },
  feedback_records: {
    partition: 'INTEGER',
    log_offset: 'DOUBLE',
    event_id: 'VARCHAR',
    request_id: 'VARCHAR',
    user_id: 'VARCHAR',
    item_id: 'VARCHAR',
    what: 'VARCHAR',
    value: 'DOUBLE',
    time: 'DOUBLE',
  },
  exposures: { user_id: 'VARCHAR', experiment: 'VARCHAR', arm: 'VARCHAR', phase: 'VARCHAR', time: 'DOUBLE' },
} as const;

export type RecordTable = keyof typeof recordTables;
export const recordTableNames = Object.keys(recordTables) as RecordTable[];

export const createRecordTables = (): string[] =>
  Object.entries(recordTables).map(([table, columns]) => {
    const described = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
    return `CREATE TABLE ${table} (${described.join(', ')})`;
  });

/**
 * What is queried, once everything is read. Records of one request lie in one partition, so the first of them is the one with
 * the smallest offset there. `shown` and `unshown` are views: a list that came twice is left out by the join.
 */
export const createTables = (wanted: { readonly onlyKnownLists: boolean }): string[] => [
  `CREATE TABLE lists AS SELECT * EXCLUDE ("partition", log_offset) FROM list_records
   QUALIFY row_number() OVER (PARTITION BY request_id ORDER BY "partition", log_offset) = 1`,
  `CREATE TABLE feedback AS
   SELECT f.event_id, f.request_id, coalesce(f.user_id, l.user_id) AS user_id, f.item_id, f.what, f."value", f."time"
   FROM (SELECT * FROM feedback_records
         QUALIFY row_number() OVER (PARTITION BY request_id, event_id ORDER BY "partition", log_offset) = 1) f
   ${wanted.onlyKnownLists ? '' : 'LEFT '}JOIN lists l USING (request_id)`,
  `CREATE VIEW shown AS
   SELECT s.list, l.request_id, l.user_id, l."time", l.ranker, l.version, l.arms, l.context, s.* EXCLUDE (list)
   FROM shown_records s JOIN lists l USING (list)`,
  `CREATE VIEW unshown AS SELECT u.list, l.request_id, u.* EXCLUDE (list) FROM unshown_records u JOIN lists l USING (list)`,
];
