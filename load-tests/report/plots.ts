import { axis, colours, draw, frame } from '../../training/charts/index.js';
import type { ScenarioResult } from './result.js';

type Point = readonly [x: number, y: number | null];
interface Line {
  readonly name: string;
  readonly points: readonly Point[];
  readonly dashed?: boolean;
}

const size = { width: 760, height: 320 };

/** Lines over time or over anything else that is a number. */
export const linePlot = (options: {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  readonly logarithmic?: { readonly x?: boolean; readonly y?: boolean };
  readonly dots?: boolean;
}): string => {
  const { title, x, y, lines, logarithmic = {}, dots = false } = options;
  const scale = (log: boolean | undefined): object => (log === true ? { type: 'log' } : {});
  // Names inside a picture are numbered by what was drawn before it; without them the same numbers give the same bytes.
  return draw(
    {
      ...frame(title),
      grid: { left: 70, right: 24, top: 44, bottom: 76 },
      xAxis: axis(x, scale(logarithmic.x)),
      yAxis: axis(y, { nameGap: 50, scale: false, ...(logarithmic.y === true ? { type: 'log' } : { min: 0 }) }),
      series: lines.map(({ name, points, dashed = false }, at) => ({
        ...{ name, type: 'line', showSymbol: dots, data: points },
        lineStyle: { width: 1.5, type: dashed ? 'dashed' : 'solid' },
        itemStyle: { color: colours[at % colours.length] },
      })),
    },
    size,
  )
    .replaceAll(/ class="[^"]*"/g, '')
    .replaceAll(/<style >[^]*?<\/style>\s*/g, '')
    .replaceAll(/zr\d+-/g, '');
};

/** The pictures of a scenario by file name. */
export const plotsOf = ({ scenario, timeline, service }: ScenarioResult): ReadonlyMap<string, string> => {
  if (timeline.length === 0) return new Map();
  const over = (of: (second: (typeof timeline)[number]) => number | null): Point[] =>
    timeline.map((second) => [second.second, of(second)]);
  const megabytes = (of: (sample: (typeof service)[number]) => number | undefined): Point[] =>
    service.flatMap((sample): Point[] => {
      const bytes = of(sample);
      return bytes === undefined ? [] : [[sample.second, Math.round(bytes / 2 ** 20)]];
    });
  const turnedAway = over(({ outcomes }) => outcomes.refused + outcomes.fallback);
  return new Map([
    [
      `${scenario}-latency.svg`,
      linePlot({
        title: `${scenario}: latency by the second in which requests were due`,
        ...{ x: 'seconds', y: 'ms', logarithmic: { y: true } },
        lines: [
          { name: 'p50', points: over(({ p50Ms }) => p50Ms) },
          { name: 'p99', points: over(({ p99Ms }) => p99Ms) },
          { name: 'longest', points: over(({ maxMs }) => maxMs), dashed: true },
        ],
      }),
    ],
    [
      `${scenario}-throughput.svg`,
      linePlot({
        title: `${scenario}: offered and answered`,
        ...{ x: 'seconds', y: 'requests/s' },
        lines: [
          { name: 'offered', points: over(({ offered }) => offered), dashed: true },
          { name: 'answered as asked', points: over(({ outcomes }) => outcomes.ok + outcomes.degraded) },
          ...(turnedAway.some(([, y]) => (y ?? 0) > 0)
            ? [{ name: 'refused or in fallback order', points: turnedAway }]
            : []),
        ],
      }),
    ],
    [
      `${scenario}-memory.svg`,
      linePlot({
        title: `${scenario}: memory of the service`,
        ...{ x: 'seconds', y: 'MB' },
        lines: [
          { name: 'resident', points: megabytes(({ rssBytes }) => rssBytes), dashed: true },
          { name: 'without pages of files', points: megabytes(({ privateBytes }) => privateBytes) },
          { name: 'heap', points: megabytes(({ scraped }) => scraped?.heapBytes) },
        ],
      }),
    ],
  ]);
};
