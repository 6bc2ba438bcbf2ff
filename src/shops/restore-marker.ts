import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Marker, OrderEventKind } from '../orders/order-event.js';

/** Prefix of the messages by which our own restores and undos are recognised in a shop's stream. */
export const markerPrefix = 'reinstate';

/** Signs markers. Derived from the service's own key, and of no use for anything else. */
export class MarkerKey {
  private constructor(readonly bytes: Buffer) {}

  static from(serviceKey: Buffer): MarkerKey {
    const label = 'reinstate restore marker';
    return new MarkerKey(Buffer.from(hkdfSync('sha256', serviceKey, Buffer.alloc(0), label, 32)));
  }
}

/** What a marker vouches for: this item of ours writes this order of this shop, to this end. */
export interface MarkerSubject extends Marker {
  readonly shopId: string;
  readonly orderId: string;
}

/** Prefix of messages that say nothing: they have the server write its log to disk. */
export const flushPrefix = 'reinstate.flush';

/** A marker as text: what `pg_logical_emit_message` is given. */
export function signedMarker(subject: MarkerSubject, key: MarkerKey): string {
  const { action, itemId, orderId } = subject;
  return JSON.stringify({
    action,
    itemId,
    orderId,
    mac: macOf(subject, key).toString('base64url'),
  });
}

/** Longer messages are none of ours, and are not even parsed. */
const lengthMax = 2_000;

const markerSchema = z.object({
  action: z.enum(['restore', 'undo']),
  itemId: z.uuid(),
  orderId: z.string().min(1),
  mac: z.string(),
});

/**
 * What a message in a shop's stream vouches for; undefined unless this service signed it for this shop.
 * Anybody who may write in the shop's database can send such messages, with any content.
 */
export function verifiedMarker(
  content: string,
  { shopId, key }: { shopId: string; key: MarkerKey },
): MarkerSubject | undefined {
  const parsed = markerSchema.safeParse(parseJson(content));
  if (!parsed.success) return undefined;
  const { mac, ...named } = parsed.data;
  const subject = { ...named, shopId };
  const [given, wanted] = [Buffer.from(mac, 'base64url'), macOf(subject, key)];
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? subject : undefined;
}

/**
 * Whether a change may be what the marker vouches for. A restore's marker never stands on a cancellation,
 * whoever got hold of it. (Where the order's row before was not known, the change is of neither kind.)
 */
export function fitsMarker({ action }: Marker, kinds: readonly OrderEventKind[]): boolean {
  return !kinds.includes(action === 'restore' ? 'cancelled' : 'restored');
}

/** A JSON array of texts is never another one's, however its members are chosen. */
function macOf({ shopId, orderId, itemId, action }: MarkerSubject, key: MarkerKey): Buffer {
  const text = JSON.stringify([shopId, orderId, itemId, action]);
  return createHmac('sha256', key.bytes).update(text).digest();
}

function parseJson(text: string): unknown {
  if (text.length > lengthMax) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
