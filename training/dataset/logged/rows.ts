import { listValue, mapValue, structValue, type DuckDBValue } from '@duckdb/node-api';
import type { Exploration, Exposure, Feedback, Impression } from '../../../src/events/index.js';
import type { Fields } from '../types.js';

/** Values of one row, in the order of the table's columns. */
export type Row = readonly DuckDBValue[];

/** An impression as rows of its tables; reads every part of it but the features, so that a damaged one throws here. */
export const impressionRows = (
  event: Impression,
  place: { readonly list: number; readonly partition: number; readonly offset: number },
): { readonly list: Row; readonly shown: Row[]; readonly unshown: Row[] } => {
  const { list, partition, offset } = place;
  const { items, heads, tasks, fields, unshown } = event;
  const width = tasks.length;
  return {
    list: [
      list,
      partition,
      offset,
      event.requestId,
      idText(event.userId),
      event.time,
      event.ranker,
      event.version,
      event.fingerprint,
      mapValue(entriesOf(event.arms)),
      mapValue(entriesOf(event.weights)),
      event.form ?? null,
      explorationOf(event.exploration),
      listValue([...tasks]),
      event.candidates,
      jsonOf(fields.user),
      jsonOf(fields.context),
    ],
    shown: items.map(({ id, position, row, score, propensity }, i) => [
      list,
      String(id),
      position,
      row ?? null,
      known(score),
      known(propensity),
      headsOf(heads, i, width),
      jsonOf(fields.candidates[i] ?? {}),
    ]),
    unshown: (unshown?.ids ?? []).map((id, i) => [
      list,
      String(id),
      unshown?.rows[i] ?? null,
      headsOf(unshown?.heads ?? heads, i, width),
    ]),
  };
};

export const feedbackRow = (
  event: Feedback,
  { partition, offset }: { readonly partition: number; readonly offset: number },
): Row => {
  const { eventId, requestId, userId, itemId, what, value, time } = event;
  return [partition, offset, eventId, requestId, idText(userId), String(itemId), what, known(value), time];
};

export const exposureRow = ({ userId, experiment, arm, phase, time }: Exposure): Row => [
  String(userId),
  experiment,
  arm,
  phase,
  time,
];

const idText = (id: string | number | undefined): string | null => (id === undefined ? null : String(id));

/** NULL, which aggregates leave out, for what is not known. */
const known = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : value;

const headsOf = (heads: Float32Array, item: number, width: number): DuckDBValue =>
  listValue(Array.from({ length: width }, (_, task) => known(heads[item * width + task])));

const entriesOf = (record: Readonly<Record<string, DuckDBValue>>): { key: string; value: DuckDBValue }[] =>
  Object.entries(record).map(([key, value]) => ({ key, value }));

const explorationOf = (exploration: Exploration | undefined): DuckDBValue => {
  if (exploration === undefined) return null;
  const { share, temperature, swaps, drawn, swap } = exploration;
  const swapped = { swap_position: swap?.position ?? null, swapped: swap?.swapped ?? null };
  return structValue({ share, temperature, swaps, drawn, ...swapped });
};

/** Vectors as lists of numbers. */
const jsonOf = (fields: Fields): string => {
  const vectors = Object.values(fields).some((value) => value instanceof Float32Array);
  return JSON.stringify(
    fields,
    vectors ? (_, value: unknown) => (value instanceof Float32Array ? [...value] : value) : undefined,
  );
};
