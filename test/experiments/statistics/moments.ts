import type { Moments } from '../../../training/experiments/index.js';

/** Moments of vectors [users][k]. */
export const momentsOfRows = (rows: readonly (readonly number[])[]): Moments => {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? 0));
  const means = columns.map((values) => values.reduce((sum, value) => sum + value, 0) / rows.length);
  const covariances = columns.map((a, i) =>
    columns.map((b, j) =>
      rows.length < 2
        ? 0
        : a.reduce((sum, value, row) => sum + (value - (means[i] ?? 0)) * ((b[row] ?? 0) - (means[j] ?? 0)), 0) /
          (rows.length - 1),
    ),
  );
  return { users: rows.length, means, covariances };
};
