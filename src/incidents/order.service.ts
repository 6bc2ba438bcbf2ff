import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { JournalService } from '../journal/journal.service.js';
import type { JournalEntry } from '../orders/order-event.js';
import { isSealed, type RowChange, type RowImage } from '../orders/row-change.js';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../platform/http/page.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { CaseService } from './case.service.js';
import type { CaseOfOrder } from './case.store.js';
import { GrowthStore } from './growth.store.js';

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

/** Support's questions about one order, asked by its id or by the number that people know. */
@Injectable()
export class OrderService {
  constructor(
    private readonly database: Database,
    private readonly shops: ShopRegistry,
    private readonly journal: JournalService,
    private readonly store: GrowthStore,
    private readonly cases: CaseService,
  ) {}

  /** Which incidents is it in? None is an answer, too. */
  async casesOf(shopId: string, order: string): Promise<{ items: CaseOfOrder[] }> {
    this.shops.get(shopId);
    return { items: await this.cases.casesOfOrder(shopId, order) };
  }

  /** What happened to it, oldest first. */
  async journalOf(shopId: string, order: string, query: PageQuery): Promise<Page<ShownEntry>> {
    this.shops.get(shopId);
    const orderId = (await this.store.orderOfNumber(this.database, shopId, order)) ?? order;
    const entries = await this.journal.ofOrder(shopId, orderId);
    if (entries.length === 0) throw unknownOrder(shopId, order);
    const after = decodeCursor(query.cursor, z.int()) ?? 0;
    const rest = entries.filter((entry) => entry.position > after);
    const page = pageOf(rest, query.limit, (last) => last.position);
    return { ...page, items: page.items.map(shownEntry) };
  }
}

function unknownOrder(shopId: string, order: string): Fault {
  return new Fault(
    'missing',
    'order-unknown',
    `the journal of shop "${shopId}" has nothing about an order "${order}"; give its id or its number`,
  );
}

function shownEntry(entry: JournalEntry): ShownEntry {
  const rowChanges = entry.rowChanges.map(({ table, key, operation, before, after }) => ({
    ...{ table, key, operation },
    before: shownImage(before),
    after: shownImage(after),
  }));
  return { ...entry, rowChanges };
}

function shownImage(image: RowImage | null): ShownImage | null {
  if (image === null) return null;
  return Object.fromEntries(
    Object.entries(image).map(([column, value]) => [
      column,
      isSealed(value) ? '(personal)' : value,
    ]),
  );
}
