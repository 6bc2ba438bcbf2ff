import { z } from 'zod';
import { Fault } from '../errors.js';

/** Query of every list: how many, and from where on. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  /** `nextCursor` of the page before; opaque */
  cursor: z.string().max(1_000).optional(),
});
export type PageQuery = z.output<typeof pageQuerySchema>;

/** One page of a list; `nextCursor` is null on the last one. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Makes a page of what was asked for with one item more than the limit. */
export function pageOf<Item>(
  found: readonly Item[],
  limit: number,
  cursorOf: (last: Item) => unknown,
): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items, nextCursor: more ? encodeCursor(cursorOf(last)) : null };
}

export function encodeCursor(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** What a cursor holds, checked by its schema; null where there is no cursor: the first page. */
export function decodeCursor<Schema extends z.ZodType>(
  cursor: string | undefined,
  schema: Schema,
): z.output<Schema> | null {
  if (cursor === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw cursorInvalid();
  }
}

/**
 * A page of a list that is at hand whole, since it is short by its nature. `keyOf` tells its items apart;
 * the next page begins after the item of that key.
 */
export function pageOfWhole<Item>(
  items: readonly Item[],
  { limit, cursor }: PageQuery,
  keyOf: (item: Item) => string,
): Page<Item> {
  const after = decodeCursor(cursor, z.string());
  const at = after === null ? -1 : items.findIndex((item) => keyOf(item) === after);
  if (after !== null && at < 0) throw cursorInvalid();
  return pageOf(items.slice(at + 1, at + 2 + limit), limit, keyOf);
}

/** Cursors of lists that are ordered by a moment, and within it by id. */
export const momentCursorSchema = z.object({ at: z.coerce.date(), id: z.uuid() });
export type MomentCursor = z.output<typeof momentCursorSchema>;

function cursorInvalid(): Fault {
  const message = 'is not one of this list: take nextCursor of the page before as it is';
  return new Fault('invalid', 'cursor-invalid', `the cursor ${message}`, {
    fields: [{ field: 'cursor', message }],
  });
}
