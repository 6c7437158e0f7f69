import { init, use, type EChartsCoreOption } from 'echarts/core';
import { BarChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent, VisualMapComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';

use([
  BarChart,
  HeatmapChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  TitleComponent,
  VisualMapComponent,
  SVGRenderer,
]);

/** Of series, in their order. */
export const colours = ['#2f6f9f', '#d1495b', '#3c8c5a', '#8d5fb4', '#c98a1b', '#4a4a4a', '#5fb3b3', '#a3557a'];

/** An SVG text of a chart; the same options give the same bytes. */
export const draw = (option: EChartsCoreOption, size: { readonly width: number; readonly height: number }): string => {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      color: colours,
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      ...option,
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
};

/** A numeric axis; `more` goes before what is usual. */
export const axis = (name: string, more: object = {}): object => ({
  type: 'value',
  name,
  nameLocation: 'middle',
  nameGap: 28,
  scale: true,
  ...more,
});
/** Title above, legend below, room for both. */
export const frame = (title: string): object => ({
  title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
  legend: { bottom: 0, type: 'plain' },
  grid: { left: 60, right: 24, top: 44, bottom: 76 },
});
