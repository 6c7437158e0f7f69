import type { Attributes, Context, HrTime } from '@opentelemetry/api';
import type { Span } from './timeline.js';

/** One request that is traced. */
export interface RequestTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** A part that is over, also after `end`. */
  span(span: Span): void;
  end(request: { readonly attributes: Attributes; readonly failed: boolean }): void;
}

/** Decides which requests are traced, and sends their spans away in batches. */
export interface Tracer {
  /** Goes on with a valid traceparent (W3C) as it says, else by chance; undefined where the request is not traced. */
  begin(request: { readonly method: string; readonly traceparent: unknown }): RequestTrace | undefined;
  /** Sends what waits, for two seconds at most. */
  close(): Promise<void>;
}

export interface TracerOptions {
  /** Of the collector, without /v1/traces. */
  readonly endpoint: string;
  /** name=value, with commas between them. */
  readonly headers?: string;
  /** Of requests without a traceparent. */
  readonly ratio: number;
  /** Of this software. */
  readonly version: string;
  readonly flushMs?: number;
}

/** The parts of OpenTelemetry are loaded here and only here: a service without traces never reads them. */
export const createTracer = async (options: TracerOptions): Promise<Tracer> => {
  const { endpoint, headers, ratio, version, flushMs = 1000 } = options;
  const [{ ROOT_CONTEXT, SpanKind, SpanStatusCode, trace }, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/(?<!\/)\/+$/, '')}/v1/traces`,
    timeoutMillis: 5000,
    ...(headers !== undefined && { headers: headersOf(headers) }),
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'watchnext', 'service.version': version }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { scheduledDelayMillis: flushMs, maxQueueSize: 4096 })],
  });
  const tracer = provider.getTracer('watchnext', version);

  return {
    begin: ({ method, traceparent }) => {
      const sent = parseTraceparent(traceparent);
      const parent =
        sent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...sent, isRemote: true });
      const root = tracer.startSpan(method, { kind: SpanKind.SERVER, startTime: timeOf(performance.now()) }, parent);
      if (!root.isRecording()) return undefined;
      const within: Context = trace.setSpan(ROOT_CONTEXT, root);
      return {
        traceId: root.spanContext().traceId,
        span: ({ name, started, ended }) =>
          tracer.startSpan(name, { startTime: timeOf(started) }, within).end(timeOf(ended)),
        end: ({ attributes, failed }) => {
          root.updateName(`${method} ${String(attributes['http.route'] ?? '')}`.trim()).setAttributes(attributes);
          if (failed) root.setStatus({ code: SpanStatusCode.ERROR });
          root.end(timeOf(performance.now()));
        },
      };
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, 2000)));
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
};

/** As seconds and nanoseconds since the epoch. */
const timeOf = (monotonicMs: number): HrTime => {
  const ms = performance.timeOrigin + monotonicMs;
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
};

/** Of the header as W3C Trace Context (2021, section 3.2) has it; undefined if it is none, which counts as not sent. */
export const parseTraceparent = (
  header: unknown,
): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number } | undefined => {
  if (typeof header !== 'string' || header.length > 512) return undefined;
  const match = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header);
  const [, version = 'ff', traceId = '', spanId = '', flags = '', more] = match ?? [];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
};

const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
