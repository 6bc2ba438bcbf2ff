import type { OtlpTracing } from './otlp-tracing.js';

export interface TracingSettings {
  /** where a collector takes OTLP over HTTP; traces go to `v1/traces` below it. Without it there are none. */
  readonly endpoint?: string | undefined;
  /** where it takes traces, if elsewhere */
  readonly tracesUrl?: string | undefined;
  /** which share of the traces that begin here is told; those of callers as they say */
  readonly sampleRatio: number;
  readonly version: string;
}

/** Sends traces where an address is given for them; else nothing of it is even loaded. */
export async function startTracing(settings: TracingSettings): Promise<OtlpTracing | undefined> {
  const { endpoint, tracesUrl, sampleRatio, version } = settings;
  const url = tracesUrl ?? (endpoint && `${endpoint.replace(/\/+$/, '')}/v1/traces`);
  if (url === undefined || url === '') return undefined;
  const { startOtlpTracing } = await import('./otlp-tracing.js');
  return startOtlpTracing({ url, sampleRatio, version });
}
