import { markerPrefix } from '../../../shops/restore-marker.js';
import type { SourceTransaction } from '../source/source-transaction.js';

/** Prefix under which a shop may leave its W3C trace context. */
const traceparentPrefix = 'traceparent';

/** What the transaction's messages hold that stand where our markers stand; anybody may have written them. */
export function markersOf(transaction: SourceTransaction): string[] {
  return transaction.messages
    .filter(({ prefix }) => prefix === markerPrefix)
    .map(({ content }) => content);
}

/** The shop's own trace (https://www.w3.org/TR/trace-context/#traceparent-header), if it left one. */
export function traceparentOf(transaction: SourceTransaction): string | null {
  const message = transaction.messages.find(({ prefix }) => prefix === traceparentPrefix);
  const isTraceparent = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(
    message?.content ?? '',
  );
  return isTraceparent ? (message?.content ?? null) : null;
}
