import type { RankerDefinition } from '../../src/definition/index.js';
import { classOf, quoteName, quoteText, type QueryColumn } from './columns.js';
import type { Mapping } from './fields.js';
import type { DatasetWarning } from './types.js';

/** What the definition allows and hardly anybody means: said where it is true of this share of a column's values, or more. */
export interface Doubt {
  readonly code: DatasetWarning;
  readonly column: QueryColumn;
  /** SQL: true of a row that speaks for it. */
  readonly condition: string;
  readonly share: number;
}

/** Below it, values that are not listed are rare ones that were left out on purpose. */
const manyUnlisted = 0.1;

/** Half a step beyond the largest float32: from here on, a number that a feature reads is infinite. */
const infinite = 3.4028235677973366e38;

/** Numbers that features cannot hold, categories of which the list knows little, and ids that requests give under another name. */
export const doubtsOf = ({ features }: RankerDefinition, { fields, userId, itemId }: Mapping): Doubt[] => {
  const byName = new Map(fields.map(({ column }) => [column.name, column]));
  const tooLarge = fields.flatMap(({ column, need, feature }): Doubt[] => {
    if (need !== 'number' || feature === undefined) return [];
    const value = `${quoteName(column.name)}::DOUBLE`;
    const condition = `NOT isnan(${value}) AND abs(${value}) >= ${infinite}`;
    return [{ code: `infinite_values ${column.name}`, column, condition, share: 0 }];
  });
  const misnamed = Object.entries(features).flatMap(([feature, definition]): Doubt[] => {
    if (definition.kind !== 'category' && definition.kind !== 'id') return [];
    const column = byName.get(definition.from ?? feature);
    if (column === undefined) return [];
    if (definition.kind === 'category') {
      const condition = definition.values === undefined ? undefined : unlisted(column, definition.values);
      return condition === undefined
        ? []
        : [{ code: `unlisted_values ${column.name}`, column, condition, share: manyUnlisted }];
    }
    const own = definition.scope === 'user' ? userId : definition.scope === 'candidate' ? itemId : undefined;
    if (own === undefined || own.name === column.name) return [];
    const condition = `${quoteName(column.name)}::VARCHAR = ${quoteName(own.name)}::VARCHAR`;
    const code: DatasetWarning = own === userId ? `same_as_user_id ${column.name}` : `same_as_item_id ${column.name}`;
    return [{ code, column, condition, share: 1 }];
  });
  return [...tooLarge, ...misnamed];
};

/** SQL: whether a value is none of these, as features compare them: by text, and numbers by that of the number. */
const unlisted = ({ name, type }: QueryColumn, values: readonly (string | number | boolean)[]): string | undefined => {
  const kind = classOf(type);
  if (kind === 'time') return undefined;
  const isNumber = kind === 'number' || kind === 'integer64';
  const texts = values.map(String);
  const list = isNumber ? texts.filter((text) => String(Number(text)) === text) : texts.map(quoteText);
  const value = `${quoteName(name)}::${isNumber ? 'DOUBLE' : 'VARCHAR'}`;
  return list.length === 0 ? `${value} IS NOT NULL` : `${value} NOT IN (${list.join(', ')})`;
};
