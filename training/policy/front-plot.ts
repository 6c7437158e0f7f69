import { axis, draw, frame } from '../charts/index.js';
import type { TunedPoint } from './points.js';
import type { Tuning } from './tune.js';
import type { Estimate } from './types.js';

type Pair = readonly [number, number];

/**
 * What weights change, engagement against satisfaction, the current weights in the middle: what was tried as the search saw it,
 * the front with its intervals as judged on other users, and the choice.
 */
export const frontPlot = ({ metrics, front, tried, current, choice, recommended }: Tuning): string => {
  const bases = current.values.map(({ value }) => Math.abs(value));
  const relative = bases.every((base) => base > 0);
  const scaled = (value: number, at: 0 | 1): number => rounded(relative ? (100 * value) / (bases[at] ?? 1) : value);
  const at = ({ gains }: TunedPoint): Pair => [scaled(gains[0].value, 0), scaled(gains[1].value, 1)];
  const ends = ({ low, high }: Estimate, side: 0 | 1): Pair => [scaled(low, side), scaled(high, side)];
  const bars = front.flatMap((point) => {
    const [x, y] = at(point);
    const [left, right] = ends(point.gains[0], 0);
    const [bottom, top] = ends(point.gains[1], 1);
    return [[left, y], [right, y], gap, [x, bottom], [x, top], gap];
  });
  const scatter = (name: string, data: readonly unknown[], style: object): object => ({
    ...{ name, type: 'scatter', data },
    ...style,
  });
  const label = (side: 0 | 1): string =>
    `change of ${metrics[side].name}${relative ? ', %' : ' per list'}${metrics[side].direction === 'down' ? ' (less is better)' : ''}`;
  return draw(
    {
      ...frame(`${metrics[0].name} against ${metrics[1].name}`),
      xAxis: axis(label(0), axisLabels),
      yAxis: axis(label(1), { ...axisLabels, nameGap: 44 }),
      series: [
        scatter('tried', tried.filter(({ thin }) => thin.length === 0).map(at), grey),
        { ...interval, data: bars },
        scatter(
          'front',
          front.map((point, index) => ({ value: at(point), label: { show: true, formatter: String(index + 1) } })),
          { symbolSize: 9, itemStyle: { color: '#2f6f9f' }, label: { position: 'top', fontSize: 11 } },
        ),
        scatter('current', [[0, 0]], { symbol: 'diamond', symbolSize: 15, itemStyle: { color: '#d1495b' } }),
        ...(choice === undefined
          ? []
          : [
              scatter(recommended ? 'recommended' : 'chosen', [at(choice)], {
                ...{ symbol: 'triangle', symbolSize: 14 },
                itemStyle: { color: recommended ? '#3c8c5a' : '#c98a1b' },
              }),
            ]),
      ],
    },
    { width: 760, height: 460 },
  );
};

/** Ends a stroke. */
const gap = [null, null];
const grey = { symbolSize: 4, itemStyle: { color: '#c8c8c8' } };
const interval = {
  ...{ name: '95 % interval', type: 'line', showSymbol: false },
  lineStyle: { color: '#2f6f9f', width: 1, opacity: 0.5 },
  itemStyle: { color: '#2f6f9f' },
};
const axisLabels = { axisLabel: { formatter: (value: number) => String(Number(value.toPrecision(4))) } };

/** The same numbers, the same bytes: the last digits of a sum are not part of the picture. */
const rounded = (value: number): number => Number(value.toPrecision(7));
