import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { Log } from '../log.js';

/** Sends spans as the given one does, and says once in the log that it cannot, and that it can again. */
export class TellingExporter implements SpanExporter {
  private readonly log = new Log('Traces');
  private isFailing = false;

  constructor(private readonly exporter: SpanExporter) {}

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.exporter.export(spans, (result) => {
      this.tell(result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  /** The address may hold a password, and the answer anything: neither is logged. */
  private tell(error: Error | undefined): void {
    const isFailing = error !== undefined;
    if (isFailing === this.isFailing) return;
    this.isFailing = isFailing;
    if (isFailing)
      this.log.warn(
        { event: 'traces-not-sent', error: error.name },
        'traces cannot be sent to the collector, and are dropped until they can',
      );
    else this.log.info({ event: 'traces-sent-again' }, 'traces reach the collector again');
  }
}
