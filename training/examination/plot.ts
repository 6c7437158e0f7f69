import { axis, colours, draw } from '../charts/index.js';
import type { ExaminationReport, HeadExamination, PositionExamination } from './examine.js';
import type { Estimate } from './types.js';

const height = 260;

/** Examination by position, one panel per head: swaps and lists with their intervals, and the tower. SVG. */
export const examinationPlot = ({ heads }: ExaminationReport): string =>
  draw(
    {
      title: heads.map((head, panel) => ({
        text: nameOf(head),
        left: 'center',
        top: panel * height + 8,
        textStyle: { fontSize: 14 },
      })),
      legend: { bottom: 4, data: seen(heads) },
      grid: heads.map((_, panel) => ({ left: 60, right: 24, top: panel * height + 36, height: height - 92 })),
      xAxis: heads.map((_, panel) => ({
        ...axis('position', { min: 1, minInterval: 1, scale: false }),
        gridIndex: panel,
      })),
      yAxis: heads.map((_, panel) => ({ ...axis('looked at, first = 1', { min: 0, nameGap: 38 }), gridIndex: panel })),
      series: heads.flatMap((head, panel) =>
        [...sources].flatMap(([name, of], index) => seriesOf(head, { name, of, panel, color: colours[index] ?? '' })),
      ),
    },
    { width: 720, height: heads.length * height + 30 },
  );

type Source = (position: PositionExamination) => Estimate | undefined;

const sources: ReadonlyMap<string, Source> = new Map<string, Source>([
  ['swaps', ({ position, swaps }) => (position === 1 && swaps === undefined ? undefined : swaps?.estimate)],
  ['lists', ({ lists }) => lists],
  ['tower', ({ tower }) => tower],
  ['truth', ({ truth }) => (truth === undefined ? undefined : { ratio: truth })],
]);

/** The sources that say anything. */
const seen = (heads: readonly HeadExamination[]): string[] =>
  [...sources].flatMap(([name, of]) => (heads.some(({ positions }) => positions.some(of)) ? [name] : []));

const nameOf = ({ task, where }: HeadExamination): string =>
  where === undefined ? task : `${task}, ${where.feature} ${where.value}`;

const seriesOf = (
  { positions }: HeadExamination,
  { name, of, panel, color }: { name: string; of: Source; panel: number; color: string },
): object[] => {
  const points = positions.flatMap((each) => {
    const estimate = of(each);
    return estimate === undefined ? [] : [{ position: each.position, ...estimate }];
  });
  if (points.length === 0) return [];
  const common = { type: 'line', xAxisIndex: panel, yAxisIndex: panel, itemStyle: { color } };
  const curve = { ...common, name, symbolSize: 6, lineStyle: { color, width: 1.5 }, data: points.map(({ position, ratio }) => [position, ratio]) }; // prettier-ignore
  // Each interval is a stroke of its own: a point that is no number ends it.
  const strokes = points.flatMap(
    ({ position, interval }) =>
    interval === undefined ? [] : [[position, interval[0]], [position, interval[1]], ['-', '-']], // prettier-ignore
  );
  return strokes.length === 0
    ? [curve]
    : [curve, { ...common, showSymbol: false, lineStyle: { color, width: 1, opacity: 0.6 }, data: strokes }];
};
