import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
} from '@opentelemetry/api';

/** One is enough to find a trace by; of many changes the first ones are told. */
export const linksMax = 8;

/** Set where work came to nothing: its span is told only if something within it is. */
export const emptyAttribute = 'reinstate.empty';

/** A piece of work, as it stands in a trace. Ids, codes and counts only, as in the log. */
export interface SpanGiven {
  /** few different ones: what is worked on stands in the attributes */
  readonly name: string;
  /** `client` where somebody else's answer is waited for */
  readonly kind?: 'internal' | 'client';
  readonly attributes?: Attributes;
}

/**
 * Runs `work` within a span, which is the parent of those begun in it; what is thrown marks it as failed.
 * Where traces are not sent it costs next to nothing.
 */
export async function inSpan<T>(given: SpanGiven, work: (span: Span) => Promise<T>): Promise<T> {
  const kind = given.kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL;
  const options = { kind, ...(given.attributes && { attributes: given.attributes }) };
  return tracer().startActiveSpan(given.name, options, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      failed(span, error instanceof Error ? error.name : 'error');
      throw error;
    } finally {
      span.end();
    }
  });
}

/** For work that outlives what began it: its spans are no part of that one's trace. */
export function outsideOfSpans<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

/** The work did not do what it was for, by a reason from a closed list. What an error says may be anybody's words. */
export function failed(span: Span, reason: string): void {
  span.setAttribute('error.type', reason);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/**
 * Links the span to the traces in which its cause lies, asked for only where the span is told to somebody;
 * several of one trace count once, and the trace of the span itself does not.
 */
export async function linkTo(
  span: Span,
  traceparents: () => Promise<readonly (string | null)[]>,
): Promise<void> {
  if (!span.isRecording()) return;
  // the work itself goes on without it
  const found = await traceparents().catch(() => []);
  const { traceId } = span.spanContext();
  span.addLinks(linksTo(found).filter(({ context: other }) => other.traceId !== traceId));
}

/** Links to the first traces that these name. */
export function linksTo(traceparents: readonly (string | null)[]): Link[] {
  const found = traceparents.flatMap((traceparent) => spanContextOf(traceparent) ?? []);
  return [...Map.groupBy(found, ({ traceId }) => traceId).values()]
    .flatMap(([first]) => (first === undefined ? [] : [{ context: first }]))
    .slice(0, linksMax);
}

/** A span for a request, in the trace that its caller names, or in a new one. */
export function startServerSpan(
  given: { name: string; attributes: Attributes },
  traceparent: string | undefined,
): { span: Span; context: Context } {
  const caller = spanContextOf(traceparent);
  const around = caller === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, caller);
  const { name, attributes } = given;
  const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, around);
  return { span, context: trace.setSpan(around, span) };
}

/** The trace in which the present work is told, if it is. */
export function presentTraceId(): string | undefined {
  const present = trace.getSpanContext(context.active());
  return present !== undefined && !(present.isRemote === true) ? present.traceId : undefined;
}

/** What a W3C `traceparent` names; https://www.w3.org/TR/trace-context/#traceparent-header. */
export function spanContextOf(traceparent: string | null | undefined): SpanContext | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '');
  const [, traceId = '', spanId = '', flags = ''] = match ?? [];
  const named = { traceId, spanId, traceFlags: parseInt(flags, 16) & TraceFlags.SAMPLED };
  return trace.isSpanContextValid(named) ? { ...named, isRemote: true } : undefined;
}

function tracer() {
  return trace.getTracer('reinstate');
}
