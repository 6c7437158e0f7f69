/** What a column of a query holds, as far as features and labels care. */
export type ColumnClass =
  'number' | 'integer64' | 'boolean' | 'text' | 'time' | 'numbers' | 'integers64' | 'texts' | 'other';

export interface QueryColumn {
  readonly name: string;
  /** DuckDB's name of the type, e.g. VARCHAR or DECIMAL(18,3)[]. */
  readonly type: string;
}

const listOf: Partial<Record<ColumnClass, ColumnClass>> = {
  number: 'numbers',
  integer64: 'integers64',
  text: 'texts',
};

export const classOf = (type: string): ColumnClass => {
  const list = /^(.*)\[\d*\]$/.exec(type);
  if (list?.[1] !== undefined) return listOf[classOf(list[1])] ?? 'other';
  if (/^(U?(TINYINT|SMALLINT|INTEGER)|FLOAT|DOUBLE|DECIMAL.*)$/.test(type)) return 'number';
  if (/^(U?BIGINT|U?HUGEINT)$/.test(type)) return 'integer64';
  if (/^(VARCHAR|UUID|JSON|ENUM.*)$/.test(type)) return 'text';
  if (/^(TIMESTAMP.*|DATE)$/.test(type)) return 'time';
  return type === 'BOOLEAN' ? 'boolean' : 'other';
};

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Milliseconds since the epoch as DOUBLE, of a time column or of milliseconds already. */
export const epochMs = (column: QueryColumn): string => {
  const name = quoteName(column.name);
  return classOf(column.type) === 'time' ? `epoch_ms(${name})::DOUBLE` : `${name}::DOUBLE`;
};

/**
 * SQL: a field of a JSON column as text; NULL where it is not. By a JSON pointer, as a field may be called anything.
 */
export const fieldText = (column: string, field: string): string =>
  `json_extract_string(${column}, ${quoteText(`/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`)})`;
