import { axis, colours, draw as drawNext, frame } from '../charts/index.js';

/**
 * A picture as a file of its own. Names inside it are numbered by what was drawn before it, and all but those of clipping are
 * for a mouse over it: without them the same options give the same bytes.
 */
const draw = (...chart: Parameters<typeof drawNext>): string =>
  drawNext(...chart)
    .replaceAll(/ class="[^"]*"/g, '')
    .replaceAll(/<style >[^]*?<\/style>\s*/g, '')
    .replaceAll(/zr\d+-/g, '');

/** One line of an interval plot; all values in one unit. */
export interface PlottedInterval {
  readonly name: string;
  readonly estimate: number;
  /** Null where there is no interval. */
  readonly low: number | null;
  readonly high: number | null;
  /** Single values behind the estimate, drawn faintly. */
  readonly points?: readonly number[];
  /** What somebody else found, for comparison. */
  readonly published?: number;
}

const [blue, red] = colours;

/** Estimates with their intervals, one line each, the first on top; a dashed line at 0. */
export const intervalPlot = (
  { title, unit }: { readonly title: string; readonly unit: string },
  rows: readonly PlottedInterval[],
): string => {
  const line = (data: readonly (readonly number[])[], style: object): object => ({ type: 'line', data, ...style });
  const dots = (name: string, of: (row: PlottedInterval) => readonly number[], style: object): object[] => {
    const data = rows.flatMap((row, place) => of(row).map((value) => [value, place]));
    return data.length === 0 ? [] : [{ name, type: 'scatter', data, ...style }];
  };
  const solid = { symbolSize: 11, itemStyle: { color: blue } };
  return draw(
    {
      ...frame(title),
      legend: { bottom: 0, itemGap: 28 },
      grid: { left: 20 + 6.6 * Math.max(...rows.map(({ name }) => name.length)), right: 32, top: 44, bottom: 84 },
      xAxis: axis(unit, { axisLine: { onZero: false }, ...withZero(rows) }),
      yAxis: { type: 'category', data: rows.map(({ name }) => name), inverse: true, axisTick: { show: false } },
      series: [
        line(
          rows.map((_, place) => [0, place]),
          { showSymbol: false, lineStyle: { type: 'dashed', color: '#999999', width: 1 } },
        ),
        ...rows.flatMap(({ low, high }, place) =>
          low === null || high === null
            ? []
            : [
                line(
                  [
                    [low, place],
                    [high, place],
                  ],
                  { symbol: 'rect', symbolSize: [2, 12], color: blue, lineStyle: { width: 2 } },
                ),
              ],
        ),
        ...dots('each world', ({ points = [] }) => points, { symbolSize: 6, itemStyle: { color: blue, opacity: 0.3 } }),
        ...dots('mean, with its 95 % interval', ({ estimate }) => [estimate], solid),
        ...dots('published', ({ published }) => (published === undefined ? [] : [published]), {
          symbol: 'diamond',
          symbolSize: 12,
          itemStyle: { color: red },
        }),
      ],
    },
    { width: 760, height: 150 + 42 * rows.length },
  );
};

/** An axis that shows all of it and 0, with a little air on both sides. */
const withZero = (rows: readonly PlottedInterval[]): object => {
  const values = rows.flatMap(({ estimate, low, high, points = [], published }) => [
    estimate,
    ...[low, high, published].filter((value) => typeof value === 'number'),
    ...points,
  ]);
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const air = 0.04 * (most - least || 1);
  const round = (value: number): number => Number(value.toPrecision(3));
  const axisLabel = { formatter: (x: number) => String(round(x)), showMinLabel: false, showMaxLabel: false };
  return { min: least - air, max: most + air, axisLabel };
};

/** A line per arm over the days. */
export const dayLines = (
  { title, unit }: { readonly title: string; readonly unit: string },
  lines: ReadonlyMap<string, readonly number[]>,
): string => {
  const days = Math.max(0, ...[...lines.values()].map(({ length }) => length));
  return draw(
    {
      ...frame(title),
      xAxis: { type: 'category', data: Array.from({ length: days }, (_, day) => `day ${day + 1}`) },
      yAxis: axis(unit, { nameGap: 44 }),
      series: [...lines].map(([name, data]) => ({ name, type: 'line', symbolSize: 7, data })),
    },
    { width: 760, height: 360 },
  );
};
