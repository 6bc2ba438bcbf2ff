import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { KeptSpans } from './kept-spans.js';
import { TellingExporter } from './telling-exporter.js';

/** A collector that does not answer must not keep the service from its end. */
const flushMsMax = 3_000;
/** Spans wait in memory for so long, and so many at most; more than that are dropped. */
const scheduledDelayMillis = 1_000;
const maxQueueSize = 2_048;
/** The exporter gives up before, by the standard variable. */
const exportTimeoutMillis = 600_000;

/** Traces that are sent. */
export interface OtlpTracing {
  /** Sends what is left, for a few seconds at most, and ends; never rejects. */
  stop(): Promise<void>;
}

/**
 * Makes spans real, from here on and in the whole process, and sends them by OTLP over HTTP: in the
 * background, in batches, out of a bounded queue. The standard OTEL_* variables that its parts know of set
 * name and attributes of the service, headers, time-outs, compression and certificates.
 */
export function startOtlpTracing(given: {
  url: string;
  sampleRatio: number;
  version: string;
}): OtlpTracing {
  const named = resourceFromAttributes({
    'service.name': 'reinstate',
    'service.version': given.version,
  });
  const batches = new BatchSpanProcessor({
    exporter: new TellingExporter(new OTLPTraceExporter({ url: given.url })),
    ...{ scheduledDelayMillis, maxQueueSize, exportTimeoutMillis },
  });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(named)
      .merge(
        detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }),
      ),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(given.sampleRatio) }),
    spanProcessors: [new KeptSpans(batches)],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return { stop: () => stop(provider) };
}

async function stop(provider: TracerProvider): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const longEnough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, flushMsMax);
  });
  await Promise.race([provider.shutdown().catch(() => undefined), longEnough]);
  clearTimeout(timer);
  trace.disable();
  context.disable();
}
