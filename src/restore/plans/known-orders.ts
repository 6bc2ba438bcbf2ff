import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { RowImageStore } from '../../journal/row-image.store.js';
import { rowName } from '../../orders/fold.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { RowImage, RowKey } from '../../orders/row-change.js';
import { Database } from '../../platform/database/database.js';

/** A row as the journal knows it. */
export interface KnownRow {
  readonly table: string;
  readonly key: RowKey;
  readonly image: RowImage;
}

export interface KnownOrder {
  /** oldest first */
  readonly entries: readonly JournalEntry[];
  /** the order's rows as the newest of these entries left them */
  readonly rows: readonly KnownRow[];
}

/** Reads what the journal holds of orders: what happened to them, and how they stand after exactly that. */
@Injectable()
export class KnownOrders {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly rowImages: RowImageStore,
  ) {}

  async read(shopId: string, orderIds: readonly string[]): Promise<Map<string, KnownOrder>> {
    // the images hold at least what the journal held before they were read; what came then is put on top
    const head = await this.journal.head(shopId);
    const images = await this.rowImages.ofOrders(this.database, shopId, orderIds);
    const journal = await this.journal.ofOrders(this.database, shopId, orderIds);
    return new Map(
      orderIds.map((orderId) => {
        const entries = journal.get(orderId) ?? [];
        const newer = entries.filter(({ position }) => position > head);
        return [orderId, { entries, rows: rowsAfter(images.get(orderId) ?? [], newer) }];
      }),
    );
  }
}

/** The rows of an order, carried on by entries that are newer. Pure. */
export function rowsAfter(
  images: readonly KnownRow[],
  newer: readonly Pick<JournalEntry, 'rowChanges'>[],
): KnownRow[] {
  const rows = new Map<string, KnownRow>(images.map((row) => [rowName(row.table, row.key), row]));
  for (const { table, key, after } of newer.flatMap(({ rowChanges }) => rowChanges)) {
    if (after === null) rows.delete(rowName(table, key));
    else rows.set(rowName(table, key), { table, key, image: after });
  }
  return [...rows.values()];
}
