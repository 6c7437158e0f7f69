import { axis, draw, frame } from '../charts/index.js';
import type { TunedPoint } from './points.js';
import type { Tuning } from './tune.js';

type Pair = readonly [number, number];

/** Engagement against satisfaction per list: what was tried, the front with its intervals, the weights as they are, the choice. */
export const frontPlot = ({ metrics, front, tried, current, choice, recommended }: Tuning): string => {
  const at = ({ values }: TunedPoint): Pair => [rounded(values[0].value), rounded(values[1].value)];
  const bars = (points: readonly TunedPoint[]): (Pair | readonly [null, null])[] =>
    points.flatMap(({ values: [first, second] }) => [
      [rounded(first.low), rounded(second.value)],
      [rounded(first.high), rounded(second.value)],
      [null, null],
      [rounded(first.value), rounded(second.low)],
      [rounded(first.value), rounded(second.high)],
      [null, null],
    ]);
  const [engagement, satisfaction] = metrics;
  const known = tried.filter(({ thin }) => thin.length === 0);
  const dots = (name: string, data: readonly unknown[], style: object): object => ({
    name,
    type: 'scatter',
    data,
    ...style,
  });
  return draw(
    {
      ...frame(`${engagement.name} against ${satisfaction.name}, per list`),
      xAxis: axis(engagement.name, axisLabels),
      yAxis: axis(satisfaction.name, { ...axisLabels, nameGap: 44 }),
      series: [
        dots('tried (as the search saw it)', known.map(at), { symbolSize: 4, itemStyle: { color: '#c8c8c8' } }),
        {
          name: '95 % interval',
          type: 'line',
          showSymbol: false,
          data: bars(front),
          lineStyle: { color: '#2f6f9f', width: 1, opacity: 0.5 },
          itemStyle: { color: '#2f6f9f' },
        },
        dots(
          'front, on other users',
          front.map((point, index) => ({ value: at(point), label: { show: true, formatter: String(index + 1) } })),
          { symbolSize: 9, itemStyle: { color: '#2f6f9f' }, label: { position: 'top', fontSize: 11 } },
        ),
        dots('current weights', [at(current)], { symbol: 'diamond', symbolSize: 15, itemStyle: { color: '#d1495b' } }),
        ...(choice === undefined
          ? []
          : [
              dots(recommended ? 'recommended' : 'chosen, not recommended', [at(choice)], {
                symbol: 'triangle',
                symbolSize: 14,
                itemStyle: { color: recommended ? '#3c8c5a' : '#c98a1b' },
              }),
            ]),
      ],
    },
    { width: 760, height: 460 },
  );
};

const axisLabels = { axisLabel: { formatter: (value: number) => String(Number(value.toPrecision(4))) } };

/** The same numbers, the same bytes: the last digits of a sum are not part of the picture. */
const rounded = (value: number): number => Number(value.toPrecision(7));
