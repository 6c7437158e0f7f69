import { axis, colours, draw, frame } from '../charts/index.js';
import type { SeriesPoint } from './comparison.js';
import { instant } from './words.js';

/** An arm's effect over time, everything up to each point: a line, the fixed interval, and around it the always-valid one. */
export const effectPlot = (
  title: string,
  { points, unit }: { readonly points: readonly SeriesPoint[]; readonly unit: 'relative' | 'absolute' },
): string => {
  const scale = unit === 'relative' ? 100 : 1;
  const times = points.map(({ time }) => instant(time));
  const [colour = '#2f6f9f'] = colours;
  const rounded = (value: number): number => Number((scale * value).toPrecision(6));
  /** Early intervals are so wide that later ones would be flat beside them. */
  const reach =
    1.5 *
    Math.max(
      ...points
        .slice(Math.floor(points.length / 4))
        .flatMap(({ sequential }) => sequential.map((end) => Math.abs(scale * end))),
      1e-9,
    );
  const held = (value: number): number => Math.max(-reach, Math.min(reach, rounded(value)));
  const edge = (name: string, of: (point: SeriesPoint) => number, dashed: boolean): object => ({
    name,
    type: 'line',
    showSymbol: false,
    data: points.map((point) => held(of(point))),
    lineStyle: { color: colour, width: 1, type: dashed ? 'dashed' : 'solid', opacity: 0.8 },
    itemStyle: { color: colour },
  });
  return draw(
    {
      ...frame(title),
      legend: { show: false },
      grid: { left: 64, right: 40, top: 44, bottom: 32 },
      xAxis: { type: 'category', data: times, boundaryGap: false, axisLine: { onZero: false } },
      yAxis: axis(unit === 'relative' ? '%' : '', {
        min: -reach,
        max: reach,
        nameGap: 40,
        axisLabel: { formatter: (value: number) => String(Number(value.toPrecision(2))) },
      }),
      series: [
        edge('always-valid, low', ({ sequential: [low] }) => low, true),
        edge('always-valid, high', ({ sequential: [, high] }) => high, true),
        edge('fixed, low', ({ fixed: [low] }) => low, false),
        edge('fixed, high', ({ fixed: [, high] }) => high, false),
        {
          name: 'effect',
          type: 'line',
          symbolSize: 5,
          data: points.map(({ value }) => held(value)),
          lineStyle: { color: '#d1495b', width: 2 },
          itemStyle: { color: '#d1495b' },
        },
        {
          name: 'no effect',
          type: 'line',
          showSymbol: false,
          data: points.map(() => 0),
          lineStyle: { color: '#999999', width: 1, type: 'dotted' },
        },
      ],
    },
    { width: 760, height: 320 },
  );
};
