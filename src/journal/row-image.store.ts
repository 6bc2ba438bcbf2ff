import { Injectable } from '@nestjs/common';
import { rowName } from '../orders/fold.js';
import { rowKeyText, type RowImage, type RowKey } from '../orders/row-change.js';
import type { Reader, Transaction } from '../platform/database/database.js';

export interface RowRef {
  readonly table: string;
  readonly key: RowKey;
}

export interface StoredRow extends RowRef {
  /** null for a row that belongs to no order, or whose order is not known */
  readonly orderId: string | null;
  readonly image: RowImage;
}

interface RowImageRow {
  table_name: string;
  row_key: string;
  order_id: string | null;
  image: RowImage;
}

/** Rows of one statement: what a batch needs has no bound, what one statement may take has. */
const statementRows = 2_000;

/**
 * What `select` gives of each row that is asked for ($1: shop, $2: tables, $3: keys), as `stored`. Each is looked up
 * by its key: as a plain join, a table of which no statistics tell yet that it has grown is gone through for each row.
 */
function eachByItsKey(select: string, lock = ''): string {
  return `unnest($2::text[], $3::text[]) AS asked(asked_table, asked_key),
    LATERAL (${select} WHERE shop_id = $1 AND table_name = asked_table AND row_key = asked_key OFFSET 0 ${lock}) stored`;
}

/** The last known image of every mapped row of a shop: what the journal's fold has come to. */
@Injectable()
export class RowImageStore {
  /** The images of the given rows, by `rowName`; rows that are not known are missing. */
  async read(
    reader: Reader,
    shopId: string,
    refs: readonly RowRef[],
  ): Promise<Map<string, StoredRow>> {
    const found = new Map<string, StoredRow>();
    for (const part of partsOf(refs)) {
      const rows = await reader.query<RowImageRow>(
        `SELECT stored.* FROM ${eachByItsKey('SELECT table_name, row_key, order_id, image FROM row_image')}`,
        [shopId, part.map((ref) => ref.table), part.map((ref) => rowKeyText(ref.key))],
      );
      for (const row of rows.map(storedRow)) found.set(rowName(row.table, row.key), row);
    }
    return found;
  }

  /** Sets the images; each row at most once per call. */
  async write(
    transaction: Transaction,
    shopId: string,
    images: readonly StoredRow[],
  ): Promise<void> {
    for (const part of partsOf(images)) await this.writePart(transaction, shopId, part);
  }

  private async writePart(
    transaction: Transaction,
    shopId: string,
    images: readonly StoredRow[],
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO row_image (shop_id, table_name, row_key, order_id, image)
       SELECT $1, table_name, row_key, order_id, image
       FROM jsonb_to_recordset($2::jsonb) AS given(table_name text, row_key text, order_id text, image jsonb)
       ON CONFLICT (shop_id, table_name, row_key) DO UPDATE
         SET order_id = excluded.order_id, image = excluded.image, stale = false`,
      [
        shopId,
        // as one text: the driver takes longer to write an array of them than the server takes to read it
        JSON.stringify(
          images.map(
            ({ table, key, orderId, image }) =>
              ({
                ...{ table_name: table, row_key: rowKeyText(key), order_id: orderId },
                image,
              }) satisfies RowImageRow,
          ),
        ),
      ],
    );
  }

  async remove(transaction: Transaction, shopId: string, refs: readonly RowRef[]): Promise<void> {
    for (const part of partsOf(refs)) {
      await transaction.query(
        `DELETE FROM row_image WHERE ctid = ANY (ARRAY(
           SELECT stored.ctid FROM ${eachByItsKey('SELECT ctid FROM row_image', 'FOR UPDATE')}))`,
        [shopId, part.map((ref) => ref.table), part.map((ref) => rowKeyText(ref.key))],
      );
    }
  }

  /** All known rows of one order, by table and key. */
  async ofOrder(reader: Reader, shopId: string, orderId: string): Promise<StoredRow[]> {
    const rows = await reader.query<RowImageRow>(
      `SELECT table_name, row_key, order_id, image FROM row_image
       WHERE shop_id = $1 AND order_id = $2 ORDER BY table_name, row_key`,
      [shopId, orderId],
    );
    return rows.map(storedRow);
  }

  /** The next orders after one (null: from the first) of which any row is known. */
  async nextOrders(
    reader: Reader,
    page: { shopId: string; afterOrder: string | null; limit: number },
  ): Promise<string[]> {
    const rows = await reader.query<{ order_id: string }>(
      `SELECT DISTINCT order_id FROM row_image
       WHERE shop_id = $1 AND order_id > $2 ORDER BY order_id LIMIT $3`,
      [page.shopId, page.afterOrder ?? '', page.limit],
    );
    return rows.map((row) => row.order_id);
  }

  /** The known rows of some tables that belong to these orders, order by order. */
  async ofOrdersIn(
    reader: Reader,
    given: { shopId: string; tables: readonly string[]; orderIds: readonly string[] },
  ): Promise<StoredRow[]> {
    const rows = await reader.query<RowImageRow>(
      `SELECT table_name, row_key, order_id, image FROM row_image
       WHERE shop_id = $1 AND order_id = ANY($3) AND table_name || '' = ANY($2)
       ORDER BY order_id, table_name, row_key`,
      [given.shopId, given.tables, given.orderIds],
    );
    return rows.map(storedRow);
  }

  /** The known rows of some tables that belong to no order, or to one that is not known. */
  async withoutOrder(
    reader: Reader,
    shopId: string,
    tables: readonly string[],
  ): Promise<StoredRow[]> {
    const rows = await reader.query<RowImageRow>(
      `SELECT table_name, row_key, order_id, image FROM row_image
       WHERE shop_id = $1 AND table_name = ANY($2) AND order_id IS NULL ORDER BY table_name, row_key`,
      [shopId, tables],
    );
    return rows.map(storedRow);
  }

  /** All known rows of several orders, by order id. */
  async ofOrders(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<Map<string, StoredRow[]>> {
    const found: StoredRow[] = [];
    for (const part of partsOf(orderIds)) {
      const rows = await reader.query<RowImageRow>(
        `SELECT table_name, row_key, order_id, image FROM row_image
         WHERE shop_id = $1 AND order_id = ANY($2) ORDER BY table_name, row_key`,
        [shopId, part],
      );
      for (const row of rows) found.push(storedRow(row));
    }
    return Map.groupBy(found, (row) => row.orderId ?? '');
  }

  /** A page of one table's rows in the order of their key text, for looking through all of them. */
  async ofTable(
    reader: Reader,
    page: { shopId: string; table: string; afterKey: RowKey | null; limit: number },
  ): Promise<StoredRow[]> {
    const rows = await reader.query<RowImageRow>(
      `SELECT table_name, row_key, order_id, image FROM row_image
       WHERE shop_id = $1 AND table_name = $2 AND ($3::text IS NULL OR row_key > $3) ORDER BY row_key LIMIT $4`,
      [
        page.shopId,
        page.table,
        page.afterKey === null ? null : rowKeyText(page.afterKey),
        page.limit,
      ],
    );
    return rows.map(storedRow);
  }

  /**
   * Before a new snapshot. Images that tell how a row was when changes were last seen (`sound`) become
   * stale, to be compared with it; those of a snapshot that was cut off tell nothing, and go.
   */
  async retire(transaction: Transaction, shopId: string, sound: boolean): Promise<void> {
    await transaction.query(
      sound
        ? 'UPDATE row_image SET stale = true WHERE shop_id = $1 AND NOT stale'
        : 'DELETE FROM row_image WHERE shop_id = $1 AND NOT stale',
      [shopId],
    );
  }

  /** The same for some tables, whose images all tell how a row was when its changes were last seen. */
  async retireTables(
    transaction: Transaction,
    shopId: string,
    tables: readonly string[],
  ): Promise<void> {
    await transaction.query(
      'UPDATE row_image SET stale = true WHERE shop_id = $1 AND table_name = ANY($2) AND NOT stale',
      [shopId, tables],
    );
  }

  /** Of the given rows, the images that are stale. */
  async staleOf(reader: Reader, shopId: string, refs: readonly RowRef[]): Promise<StoredRow[]> {
    const found: StoredRow[] = [];
    for (const part of partsOf(refs)) {
      const rows = await reader.query<RowImageRow>(
        `SELECT table_name, row_key, order_id, image FROM ${eachByItsKey(
          'SELECT table_name, row_key, order_id, image, stale FROM row_image',
        )} WHERE stale`,
        [shopId, part.map((ref) => ref.table), part.map((ref) => rowKeyText(ref.key))],
      );
      for (const row of rows) found.push(storedRow(row));
    }
    return found;
  }

  /** Some of the images that are still stale. */
  async nextStale(reader: Reader, shopId: string, limit: number): Promise<StoredRow[]> {
    const rows = await reader.query<RowImageRow>(
      'SELECT table_name, row_key, order_id, image FROM row_image WHERE shop_id = $1 AND stale LIMIT $2',
      [shopId, limit],
    );
    return rows.map(storedRow);
  }
}

function partsOf<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let done = 0; done < all.length; done += statementRows) {
    parts.push(all.slice(done, done + statementRows));
  }
  return parts;
}

function storedRow(row: RowImageRow): StoredRow {
  return {
    table: row.table_name,
    key: JSON.parse(row.row_key) as RowKey,
    orderId: row.order_id,
    image: row.image,
  };
}
