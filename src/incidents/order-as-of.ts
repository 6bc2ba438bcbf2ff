import { z } from 'zod';
import type { OrderAsOf, OrderGap } from '../journal/order-history.service.js';
import { orderSnapshotSchema, type OrderSnapshot } from '../orders/order-snapshot.js';
import type { RowImage, RowKey } from '../orders/row-change.js';
import { Fault } from '../platform/errors.js';
import type { Profile } from '../shops/profile.js';
import { orderNames } from '../shops/order-name.js';
import { buildSnapshot } from '../shops/snapshot.js';

/**
 * What the journal can say of an order at a time. `known`: this is how it was. `not-placed`: it was none
 * yet. `deleted`: it was none any more. `in-gap`: changes were lost just then, it is told as it was last
 * seen. `not-known`: what a gap left of it is not enough. `not-watched`: before Reinstate watched the shop,
 * it is told as it was found. `not-journalled`: the journal has not come so far yet, it is told as it was last.
 */
export const standings = [
  'known',
  'not-placed',
  'deleted',
  'in-gap',
  'not-known',
  'not-watched',
  'not-journalled',
] as const;
export type Standing = (typeof standings)[number];

/** RFC 3339, with microseconds at most. */
const moment = z.iso.datetime({ offset: true });

export const orderAtQuerySchema = z.object({
  /** as it stood then, by the journal; left out: as it stands in the shop now */
  at: moment.optional(),
  /** what the order is named by; left out: by either, and refused where that means two orders */
  by: z.enum(orderNames).optional(),
});
export type OrderAtQuery = z.output<typeof orderAtQuerySchema>;

export const orderAtSchema = z.object({
  order: orderSnapshotSchema.nullable(),
  asOf: z.object({
    at: z.string(),
    standing: z.enum(standings),
    /** the same in words */
    detail: z.string(),
    /** of the newest entry at that time; null where there was none yet */
    position: z.int().nullable(),
    /** when the order had last changed then, and when it changed next */
    changedAt: z.string().nullable(),
    nextChangeAt: z.string().nullable(),
    gap: z
      .object({
        since: z.string().nullable(),
        until: z.string(),
        reason: z.string().nullable(),
      })
      .nullable(),
  }),
  /** all its rows; personal values are named, not shown */
  rows: z.array(
    z.object({
      table: z.string(),
      key: z.array(z.string()),
      image: z.record(z.string(), z.string().nullable()),
    }),
  ),
});
export type OrderAt = z.output<typeof orderAtSchema>;

interface OwnedRow {
  readonly table: string;
  readonly key: RowKey;
  readonly image: RowImage;
}

export interface AsOfFacts {
  readonly profile: Profile;
  readonly orderId: string;
  /** RFC 3339 in UTC with microseconds, as all times here */
  readonly at: string;
  readonly found: OrderAsOf;
  /** since when the shop was watched, and until when all of it is journalled; null where that is not known */
  readonly watched: { readonly since: string | null; readonly until: string | null };
}

export interface AsOfAnswer {
  readonly standing: Standing;
  readonly detail: string;
  readonly order: OrderSnapshot | null;
  readonly rows: readonly OwnedRow[];
}

/** What can be answered, from what the journal has. */
export function answerAsOf(facts: AsOfFacts): AsOfAnswer {
  const { profile, orderId, found } = facts;
  const rows = rowsOfOrder(profile, orderId, found.rows);
  const order = snapshotOf(profile, rows);
  const { standing, detail } = standingOf(facts, order);
  const isTold = standing !== 'not-placed' && standing !== 'not-known';
  return { standing, detail, order: isTold ? order : null, rows: isTold ? rows : [] };
}

type Judgement = Pick<AsOfAnswer, 'standing' | 'detail'>;

function standingOf(facts: AsOfFacts, order: OrderSnapshot | null): Judgement {
  return (
    notPlacedYet(facts, order) ??
    lostToUs(facts) ??
    noOrder(facts, order) ??
    outsideOfWatch(facts) ?? { standing: 'known', detail: standingSince(facts) }
  );
}

function notPlacedYet({ found, at }: AsOfFacts, order: OrderSnapshot | null): Judgement | null {
  const { last, next } = found;
  const isBeforeFirst = last === null && next?.kinds.includes('placed') === true;
  const placedAt = isBeforeFirst ? next.committedAt : (order?.placedAt ?? null);
  if (placedAt === null || placedAt <= at) return null;
  return { standing: 'not-placed', detail: `it was placed later, at ${placedAt}` };
}

function lostToUs({ found: { gap, unknown } }: AsOfFacts): Judgement | null {
  if (gap !== null) return { standing: 'in-gap', detail: gapInWords(gap) };
  if (unknown.length === 0) return null;
  const tables = [...new Set(unknown.map(({ table }) => table))].join(', ');
  const detail = `rows of ${tables} changed while changes were lost at the source: what they were before is not known`;
  return { standing: 'not-known', detail };
}

function noOrder(
  { profile, found: { last, next } }: AsOfFacts,
  order: OrderSnapshot | null,
): Judgement | null {
  if (order !== null && order.state !== 'draft') return null;
  if (last === null && next === null) {
    const detail = 'the shop has this order, and the journal has nothing about it';
    return { standing: 'not-journalled', detail };
  }
  return order === null && last !== null
    ? { standing: 'deleted', detail: `its row in ${profile.order.table} was gone` }
    : { standing: 'not-placed', detail: 'it was no order yet' };
}

function outsideOfWatch({ at, watched: { since, until } }: AsOfFacts): Judgement | null {
  if (since !== null && at < since) {
    const detail = `the shop has been watched since ${since}: this is how the order was found then`;
    return { standing: 'not-watched', detail };
  }
  if (until === null || at <= until) return null;
  const detail = `the journal holds all changes until ${until}: this is how the order was then`;
  return { standing: 'not-journalled', detail };
}

function standingSince({ found: { last } }: AsOfFacts): string {
  return `it had stood like this since ${last === null ? 'it was first seen' : last.committedAt}`;
}

function gapInWords({ since, until, reason }: OrderGap): string {
  const from = since === null ? '' : `after ${since} and `;
  const why = reason === null ? '' : ` (${reason})`;
  return `changes were lost ${from}before ${until}${why}: this is how the order was last seen, it may have been otherwise`;
}

/**
 * The rows that belong to the order by what they held at that time: one that moved to another order, or came
 * from one, stands in the entries of both.
 */
function rowsOfOrder(profile: Profile, orderId: string, rows: readonly OwnedRow[]): OwnedRow[] {
  const byTable = Map.groupBy(rows, ({ table }) => table);
  const owned = new Map<string, OwnedRow[]>();
  const ownedOf = (table: string): OwnedRow[] => {
    const known = owned.get(table);
    if (known !== undefined) return known;
    owned.set(table, []);
    const link = profile.tables[table]?.order;
    if (link === undefined || link === 'shared') return [];
    const { parent, by } = link;
    const keys =
      parent === undefined
        ? [orderId]
        : ownedOf(parent).map(({ key, image }) => (by === undefined ? key[0] : image[by]));
    const own = (byTable.get(table) ?? []).filter(({ image }) => {
      const value = image[link.column];
      return typeof value !== 'string' || keys.includes(value);
    });
    owned.set(table, own);
    return own;
  };
  return [...byTable.keys()].flatMap(ownedOf);
}

/** Null where there is no row of the order itself, or one that cannot be read as the profile says. */
function snapshotOf(profile: Profile, rows: readonly OwnedRow[]): OrderSnapshot | null {
  const tables = Map.groupBy(rows, ({ table }) => table);
  if (!tables.has(profile.order.table)) return null;
  try {
    const images = [...tables].map(
      ([table, own]) => [table, own.map(({ image }) => image)] as const,
    );
    return buildSnapshot(profile, new Map(images));
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}
