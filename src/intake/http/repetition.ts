import { createHash } from 'node:crypto';
import { isErased, type SealedValue } from '../../orders/row-change.js';
import type { NewKey } from './order-event.store.js';
import type { GoodEvent } from './read-event.js';

/** The personal values of an event, sealed, by their names. */
export type SealedNames = Readonly<Record<string, SealedValue>>;

/** One text per key from the far end. */
export function keyName({ source, id }: { source: string; id: string }): string {
  return JSON.stringify([source, id]);
}

/** What tells an event from another one under its key. */
export function hashesOf(
  event: GoodEvent,
  personal: { readonly keyOf: string; readonly sealed: SealedNames },
): Pick<NewKey, 'contentHash' | 'personalKeyOf' | 'personalHash'> {
  const isTold = Object.keys(personal.sealed).length > 0;
  return {
    contentHash: sha256(event.content),
    personalKeyOf: isTold ? personal.keyOf : null,
    personalHash: isTold ? personalHash(personal.sealed) : null,
  };
}

/**
 * Whether an event is the one that was taken under its key: `again` is sealed under the same person's key
 * as that was. Of a person who was erased since, nobody can tell what was said.
 */
export function isSameEvent(
  taken: Pick<NewKey, 'contentHash' | 'personalHash'> & { readonly shopId: string },
  again: { readonly event: GoodEvent; readonly sealed: SealedNames },
): boolean {
  const { event, sealed } = again;
  if (taken.shopId !== event.data.shop) return false;
  if (!taken.contentHash.equals(sha256(event.content))) return false;
  const values = Object.values(sealed);
  if (taken.personalHash === null || values.length === 0)
    return taken.personalHash === null && values.length === 0;
  return values.some(isErased) || taken.personalHash.equals(personalHash(sealed));
}

/** Over keyed hashes: without the person's key it can be compared with nothing. */
function personalHash(sealed: SealedNames): Buffer {
  const lines = Object.entries(sealed)
    .map(([name, { hash }]) => `${name} ${hash}`)
    .sort();
  return sha256(lines.join('\n'));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
