import { axis, colours, draw, frame } from '../charts/index.js';
import type { TrainingHistory } from '../fit/index.js';
import type { CalibrationBin } from '../metrics/index.js';

/** Means over a sliding window that ends at each point: a batch of a rare task is mostly noise. */
const smooth = (values: readonly number[], width: number): number[] =>
  values.map((_, i) => {
    const window = values.slice(Math.max(0, i + 1 - width), i + 1).filter((value) => Number.isFinite(value));
    return window.reduce((sum, value) => sum + value, 0) / window.length;
  });

/**
 * Loss of each task over the steps, relative to its mean over the run, so that tasks of different size share one picture;
 * smoothed over a fortieth of the run.
 */
export const trainingCurves = (history: TrainingHistory): string => {
  const tasks = Object.keys(history.epochs[0]?.losses ?? {});
  const series = tasks.flatMap((task, index) => {
    const losses = history.steps.map((point) => point.losses[task] ?? Number.NaN);
    const usual = smooth(losses, losses.length).at(-1) ?? 1;
    const curve = smooth(losses, Math.ceil(losses.length / 40));
    const color = colours[index % colours.length];
    const trained = {
      name: task,
      type: 'line',
      showSymbol: false,
      lineStyle: { width: 1.5, color },
      itemStyle: { color },
      data: history.steps.map(({ step }, i) => [step, (curve[i] ?? Number.NaN) / usual]),
    };
    const validated = {
      name: task,
      type: 'scatter',
      symbol: 'diamond',
      symbolSize: 11,
      itemStyle: { color },
      data: history.epochs.flatMap(({ step, validation }) => {
        const loss = validation?.losses[task];
        return loss === undefined ? [] : [[step, loss / usual]];
      }),
    };
    return validated.data.length === 0 ? [trained] : [trained, validated];
  });
  const held = history.epochs.some(({ validation }) => validation !== undefined) ? ' (diamonds: held-out part)' : '';
  return draw(
    {
      ...frame(`Loss relative to its mean over the run${held}`),
      xAxis: axis('steps', { scale: false }),
      yAxis: axis('', { min: 0, max: 2 }),
      series,
    },
    { width: 760, height: 380 },
  );
};

/** Predicted against observed per bin of equal size; the diagonal is perfect. */
export const calibrationPlot = (task: string, bins: readonly CalibrationBin[]): string => {
  const highest = Math.max(...bins.map((bin) => Math.max(bin.predicted, bin.observed)), 1e-6);
  return draw(
    {
      ...frame(`Calibration: ${task}`),
      legend: { show: false },
      xAxis: axis('predicted', { min: 0 }),
      yAxis: axis('observed', { min: 0 }),
      series: [
        {
          type: 'line',
          showSymbol: false,
          lineStyle: { type: 'dashed', color: '#999999' },
          data: [
            [0, 0],
            [highest, highest],
          ],
        },
        { type: 'line', symbolSize: 7, data: bins.map((bin) => [bin.predicted, bin.observed]) },
      ],
    },
    { width: 380, height: 340 },
  );
};

/** One line per series over named periods, e.g. AUC per day. */
export const periodLines = (
  title: string,
  periods: readonly string[],
  lines: Readonly<Record<string, readonly (number | undefined)[]>>,
): string =>
  draw(
    {
      ...frame(title),
      xAxis: { type: 'category', data: periods },
      yAxis: axis(''),
      series: Object.entries(lines).map(([name, data]) => ({
        name,
        type: 'line',
        symbolSize: 7,
        data: data.map((v) => v ?? null),
      })),
    },
    { width: 760, height: 360 },
  );

/** Mean gate weight of each expert per task: which experts the tasks share (the paper's figure 5). [tasks][experts] */
export const expertUtilisation = (tasks: readonly string[], utilisation: readonly (readonly number[])[]): string => {
  const experts = utilisation[0]?.length ?? 0;
  const data = utilisation.flatMap((row, task) => row.map((value, expert) => [expert, task, Number(value.toFixed(3))]));
  return draw(
    {
      ...frame('Expert utilisation per task'),
      legend: { show: false },
      grid: { left: 110, right: 24, top: 44, bottom: 56 },
      xAxis: { type: 'category', data: Array.from({ length: experts }, (_, i) => `expert ${i + 1}`) },
      yAxis: { type: 'category', data: tasks },
      visualMap: {
        min: 0,
        max: Math.max(...data.map(([, , value]) => value ?? 0)),
        show: false,
        inRange: { color: ['#f4f7fa', '#2f6f9f'] },
      },
      series: [{ type: 'heatmap', data, label: { show: true } }],
    },
    { width: 760, height: 120 + 36 * tasks.length },
  );
};
