import { z } from 'zod';
import type { Marker } from '../../../orders/order-event.js';
import type { SourceTransaction } from '../source/source-transaction.js';

/** Prefix of the messages by which our own restores and undos are recognised in the shop's stream. */
export const markerPrefix = 'reinstate';
/** Prefix under which a shop may leave its W3C trace context. */
const traceparentPrefix = 'traceparent';

const markerSchema = z.object({ action: z.enum(['restore', 'undo']), itemId: z.uuid() });

/** The marker that the transaction carries, if any; what is not one of ours is passed over. */
export function markerOf(transaction: SourceTransaction): Marker | null {
  for (const { prefix, content } of transaction.messages) {
    if (prefix !== markerPrefix) continue;
    const parsed = markerSchema.safeParse(parseJson(content));
    if (parsed.success) return { action: parsed.data.action, itemId: parsed.data.itemId };
  }
  return null;
}

/** The shop's own trace (https://www.w3.org/TR/trace-context/#traceparent-header), if it left one. */
export function traceparentOf(transaction: SourceTransaction): string | null {
  const message = transaction.messages.find(({ prefix }) => prefix === traceparentPrefix);
  const isTraceparent = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(
    message?.content ?? '',
  );
  return isTraceparent ? (message?.content ?? null) : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
