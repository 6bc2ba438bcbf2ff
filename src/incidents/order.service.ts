import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { JournalService } from '../journal/journal.service.js';
import { PersonalData } from '../journal/personal-data.js';
import type { JournalEntry } from '../orders/order-event.js';
import { isSealed, type ColumnValue, type RowChange, type RowImage } from '../orders/row-change.js';
import { Fault } from '../platform/errors.js';
import {
  decodeCursor,
  pageOf,
  pageOfWhole,
  pageQuerySchema,
  type Page,
} from '../platform/http/page.js';
import { orderNames } from '../shops/order-name.js';
import { CaseService } from './case.service.js';
import type { CaseOfOrder } from './case.store.js';
import { OrderFinder } from './order-finder.service.js';

/** A row image for people: personal values are named, not shown. */
type ShownImage = Readonly<Record<string, string | null>>;

/** A journal entry as the API shows it. */
export type ShownEntry = Omit<JournalEntry, 'rowChanges'> & {
  readonly rowChanges: readonly (Pick<RowChange, 'table' | 'key' | 'operation'> & {
    readonly before: ShownImage | null;
    readonly after: ShownImage | null;
  })[];
};

const rowImage = z.record(z.string(), z.string().nullable()).nullable();
export const shownEntrySchema = z.object({
  shopId: z.string(),
  position: z.int(),
  orderId: z.string(),
  orderNumber: z.string().nullable(),
  kinds: z.array(z.string()),
  statusBefore: z.string().nullable(),
  statusAfter: z.string().nullable(),
  actorKind: z.string(),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  customerId: z.string().nullable(),
  total: z.object({ amountMinor: z.int(), currency: z.string() }).nullable(),
  attributes: z.record(z.string(), z.string()),
  rowChanges: z.array(
    z.object({
      table: z.string(),
      key: z.array(z.string()),
      operation: z.enum(['insert', 'update', 'delete']),
      before: rowImage,
      after: rowImage,
    }),
  ),
  snapshot: z.record(z.string(), z.unknown()).nullable(),
  marker: z.object({ action: z.string(), itemId: z.string() }).nullable(),
  traceparent: z.string().nullable(),
  source: z.object({ incarnation: z.string(), commitLsn: z.string(), transactionId: z.int() }),
  committedAt: z.string(),
  recordedAt: z.date(),
});

export const orderPageQuerySchema = pageQuerySchema.extend({
  /** what the order is named by; left out: by either, and refused where that means two orders */
  by: z.enum(orderNames).optional(),
});
export type OrderPageQuery = z.output<typeof orderPageQuerySchema>;

/** Support's questions about one order, asked by the number that people know, or by its id. */
@Injectable()
export class OrderService {
  constructor(
    private readonly finder: OrderFinder,
    private readonly journal: JournalService,
    private readonly cases: CaseService,
    private readonly personal: PersonalData,
  ) {}

  /** Which incidents is it in? None is an answer, too. */
  async casesOf(shopId: string, order: string, query: OrderPageQuery): Promise<Page<CaseOfOrder>> {
    const orderId = await this.finder.find(shopId, order, query.by);
    const cases = orderId === undefined ? [] : await this.cases.casesOfOrder(shopId, orderId);
    return pageOfWhole(cases, query, ({ id }) => id);
  }

  /** What happened to it, oldest first. */
  async journalOf(shopId: string, order: string, query: OrderPageQuery): Promise<Page<ShownEntry>> {
    const orderId = await this.finder.find(shopId, order, query.by);
    const entries = orderId === undefined ? [] : await this.journal.ofOrder(shopId, orderId);
    if (entries.length === 0) throw unknownOrder(shopId, order);
    const after = decodeCursor(query.cursor, z.int()) ?? 0;
    const rest = entries.filter((entry) => entry.position > after);
    const page = pageOf(rest, query.limit, (last) => last.position);
    const erased = await this.personal.erasedOf(shopId, keysOfEntries(page.items));
    return { ...page, items: page.items.map((entry) => shownEntry(entry, erased)) };
  }
}

function unknownOrder(shopId: string, order: string): Fault {
  return new Fault(
    'missing',
    'order-unknown',
    `the journal of shop "${shopId}" has nothing about an order "${order}"; give its id or its number`,
  );
}

/** Whose personal values stand in these entries. */
function keysOfEntries(entries: readonly JournalEntry[]): string[] {
  const values = entries
    .flatMap(({ rowChanges }) => rowChanges)
    .flatMap(({ before, after }) => [
      ...Object.values(before ?? {}),
      ...Object.values(after ?? {}),
    ]);
  return [...new Set(values.filter((value) => isSealed(value)).map(({ keyOf }) => keyOf))];
}

function shownEntry(entry: JournalEntry, erased: ReadonlySet<string>): ShownEntry {
  const rowChanges = entry.rowChanges.map(({ table, key, operation, before, after }) => ({
    ...{ table, key, operation },
    before: before === null ? null : shownImage(before, erased),
    after: after === null ? null : shownImage(after, erased),
  }));
  return { ...entry, rowChanges };
}

/** The image with its personal values named, not shown. */
export function shownImage(image: RowImage, erased: ReadonlySet<string>): ShownImage {
  return Object.fromEntries(
    Object.entries(image).map(([column, value]) => [column, shownValue(value, erased)]),
  );
}

function shownValue(value: ColumnValue, erased: ReadonlySet<string>): string | null {
  if (!isSealed(value)) return value;
  return erased.has(value.keyOf) ? '(erased)' : '(personal)';
}
