import { ok, refuse, type Result } from '../../platform/result.js';
import { fieldFaults } from '../../platform/http/zod.pipe.js';
import { present } from '../../platform/assert.js';
import { traceIdOf } from '../../platform/telemetry/trace.js';
import { canonicalJson } from '../../platform/canonical-json.js';
import { rfc3339 } from '../../shops/timestamp.js';
import {
  cloudEventSchema,
  eventTypes,
  type CloudEvent,
  type OrderData,
  type Rejection,
  type RejectionCode,
  type ToldKind,
} from './order-event.schema.js';
import { hasUnstorableText } from './storable-text.js';

/** One event is about one order: more than this is something else. */
export const eventBytesMax = 65_536;
/** Clocks differ by less; what claims to be later than this has a wrong time. */
export const aheadMsMax = 5 * 60_000;
/** Older events are history, which intake is not for: each month of it would be a partition of its own. */
export const ageDaysMax = 366;

const dayMs = 24 * 3_600_000;

/** An event that may be written down, as far as one can tell without looking at what was. */
export interface GoodEvent {
  readonly index: number;
  readonly source: string;
  readonly id: string;
  readonly kind: ToldKind;
  /** RFC 3339 in UTC with microseconds */
  readonly at: string;
  readonly data: OrderData;
  readonly traceparent: string | null;
  /** all that the event says but its personal values, in one form for equal events */
  readonly content: string;
}

/** What is known of the shops that events name. */
export type ShopStanding = 'told-by-http' | 'followed' | 'unknown';

export interface ReadingContext {
  readonly now: Date;
  /** of the request, for events that bear no trace of their own */
  readonly traceparent: string | null;
  readonly shop: (shopId: string) => ShopStanding;
}

/** Checks one parsed event by itself. Pure. */
export function readEvent(
  given: { index: number; value: unknown },
  context: ReadingContext,
): Result<GoodEvent, Rejection> {
  const { index, value } = given;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return rejected(given, 'malformed', 'an event is a JSON object');
  if (hasUnstorableText(value))
    return rejected(
      given,
      'malformed',
      'a text holds a NUL or half a surrogate pair, or the event is nested too deeply',
    );
  const parsed = cloudEventSchema.safeParse(value);
  if (!parsed.success) {
    const fields = fieldFaults(parsed.error);
    const detail = `the event has ${fields.length} fault(s): ${fields.map(({ field, message }) => `${field}: ${message}`).join('; ')}`;
    return refuse({ ...about(given), code: 'event-invalid', detail, fields });
  }
  const event = parsed.data;
  const at = momentOf(event.time);
  const misplaced = byShop(given, context.shop(event.data.shop)) ?? byTime(given, at, context.now);
  if (misplaced !== undefined) return refuse(misplaced);
  return ok({
    index,
    source: event.source,
    id: event.id,
    kind: eventTypes[event.type],
    at,
    data: withMoment(event.data),
    traceparent: wellFormed(event.traceparent) ?? wellFormed(context.traceparent),
    content: contentOf(event, at),
  });
}

/** The rejection of an event, naming it as far as it names itself. */
export function rejectionOf(
  given: { index: number; value?: unknown },
  code: RejectionCode,
  what: { field?: string; detail: string },
): Rejection {
  const { field = '(whole)', detail } = what;
  return { ...about(given), code, detail, fields: [{ field, message: detail }] };
}

function rejected(
  given: { index: number; value: unknown },
  code: RejectionCode,
  detail: string,
): Result<never, Rejection> {
  return refuse(rejectionOf(given, code, { detail }));
}

function byShop(given: Given, standing: ShopStanding): Rejection | undefined {
  const field = 'data.shop';
  if (standing === 'unknown')
    return rejectionOf(given, 'shop-unknown', {
      field,
      detail: 'no shop of this id is configured',
    });
  if (standing === 'followed')
    return rejectionOf(given, 'shop-not-by-http', {
      field,
      detail: 'this shop is followed by its database, which tells each change already',
    });
  return undefined;
}

function byTime(given: Given, at: string, now: Date): Rejection | undefined {
  const aheadMs = new Date(at).getTime() - now.getTime();
  const field = 'time';
  if (aheadMs > aheadMsMax)
    return rejectionOf(given, 'future-dated', {
      field,
      detail: `it is ${Math.round(aheadMs / 1000)} s ahead of this clock (${now.toISOString()}); ${aheadMsMax / 1000} s are allowed`,
    });
  if (-aheadMs > ageDaysMax * dayMs)
    return rejectionOf(given, 'too-old', {
      field,
      detail: `it is more than ${ageDaysMax} days ago`,
    });
  return undefined;
}

interface Given {
  readonly index: number;
  readonly value: unknown;
}

/** The names that the event bears, where they are such; they go back to whoever sent them. */
function about({ index, value }: { index: number; value?: unknown }) {
  return { index, source: nameIn(value, 'source'), id: nameIn(value, 'id') };
}

function nameIn(value: unknown, field: 'source' | 'id'): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const name = (value as Record<string, unknown>)[field];
  return typeof name === 'string' ? name.slice(0, 500).toWellFormed() : null;
}

/** A trace that is none is left out: nobody loses an order event for it. */
function wellFormed(traceparent: string | null | undefined): string | null {
  return traceIdOf(traceparent) === undefined ? null : (traceparent ?? null);
}

/** Finer than microseconds is cut off: the journal has no more. */
function momentOf(text: string): string {
  const moment = rfc3339(text.replace(/(\.\d{6})\d+/, '$1'));
  return present(moment, 'the schema lets only moments through');
}

function withMoment(data: OrderData): OrderData {
  return data.placedAt === undefined ? data : { ...data, placedAt: momentOf(data.placedAt) };
}

/** Without personal values, which are compared sealed, and without what belongs to an attempt to send it. */
function contentOf({ data, type }: CloudEvent, at: string): string {
  return canonicalJson({ type, at, data: { ...data, personal: undefined } });
}
