import { SpanStatusCode, type Context } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import { emptyAttribute } from './span.js';

/**
 * Passes on what is worth telling. A background step looks for work several times a second: a span that
 * says of itself that it came to nothing is left out, unless it failed or one within it is told.
 */
export class KeptSpans implements SpanProcessor {
  /** spans that are open, each with whether one within it was told */
  private readonly open = new Map<string, boolean>();

  constructor(private readonly next: SpanProcessor) {}

  onStart(span: Span, parent: Context): void {
    this.open.set(span.spanContext().spanId, false);
    this.next.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    const { spanId } = span.spanContext();
    const holdsOther = this.open.get(spanId) === true;
    this.open.delete(spanId);
    const isEmpty =
      span.attributes[emptyAttribute] === true && span.status.code !== SpanStatusCode.ERROR;
    if (isEmpty && !holdsOther) return;
    const parentId = span.parentSpanContext?.spanId;
    if (parentId !== undefined && this.open.has(parentId)) this.open.set(parentId, true);
    this.next.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.next.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.next.shutdown();
  }
}
