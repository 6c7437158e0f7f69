/** Two measures of a point, larger is better. */
export type Measures = readonly [number, number];

/** The points that no other beats in both, by the first measure, highest first. */
export const paretoFront = <T>(points: readonly T[], measuresOf: (point: T) => Measures): T[] => {
  const sorted = points
    .map((point) => ({ point, measures: measuresOf(point) }))
    .sort((a, b) => b.measures[0] - a.measures[0] || b.measures[1] - a.measures[1]);
  let best = -Infinity;
  return sorted.flatMap(({ point, measures }) => {
    if (!(measures[1] > best)) return [];
    best = measures[1];
    return [point];
  });
};

/** At most so many of a row, both ends and evenly between. */
export const evenly = <T>(points: readonly T[], most: number): T[] =>
  points.length <= most
    ? [...points]
    : Array.from({ length: most }, (_, at) => points[Math.round((at * (points.length - 1)) / (most - 1))] as T);
