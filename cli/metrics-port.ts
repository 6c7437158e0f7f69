import type { Settings } from '../src/settings.js';
import { serveMetrics, watchProcess, type Metrics } from '../src/telemetry/index.js';
import { softwareVersion } from '../src/version.js';
import { note } from './output.js';

/** Serves the metrics of a command, and those of its process, where `--metrics-port` asks for it; close it in any case. */
export const openMetricsPort = async (
  { metricsHost: host, metricsPort: port }: Settings,
  metrics: Metrics,
): Promise<{ close(): Promise<void> }> => {
  if (port === undefined) return { close: () => Promise.resolve() };
  const endpoint = await serveMetrics({ host, port, metrics });
  const unwatch = watchProcess(metrics, { version: softwareVersion() });
  note(`metrics at ${endpoint.url}/metrics`);
  return {
    close: async () => {
      unwatch();
      await endpoint.close();
    },
  };
};
