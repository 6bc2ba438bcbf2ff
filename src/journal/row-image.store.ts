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

/** The last known image of every mapped row of a shop: what the journal's fold has come to. */
@Injectable()
export class RowImageStore {
  /** The images of the given rows, by `rowName`; rows that are not known are missing. */
  async read(
    reader: Reader,
    shopId: string,
    refs: readonly RowRef[],
  ): Promise<Map<string, StoredRow>> {
    if (refs.length === 0) return new Map();
    const rows = await reader.query<RowImageRow>(
      `SELECT table_name, row_key, order_id, image
       FROM unnest($2::text[], $3::text[]) AS asked(table_name, row_key)
       JOIN row_image stored USING (table_name, row_key) WHERE stored.shop_id = $1`,
      [shopId, refs.map((ref) => ref.table), refs.map((ref) => rowKeyText(ref.key))],
    );
    return new Map(rows.map(storedRow).map((row) => [rowName(row.table, row.key), row]));
  }

  /** Sets the images; each row at most once per call. */
  async write(
    transaction: Transaction,
    shopId: string,
    images: readonly StoredRow[],
  ): Promise<void> {
    if (images.length === 0) return;
    await transaction.query(
      `INSERT INTO row_image (shop_id, table_name, row_key, order_id, image)
       SELECT $1, table_name, row_key, order_id, image
       FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[]) AS given(table_name, row_key, order_id, image)
       ON CONFLICT (shop_id, table_name, row_key) DO UPDATE SET order_id = excluded.order_id, image = excluded.image`,
      [
        shopId,
        images.map((row) => row.table),
        images.map((row) => rowKeyText(row.key)),
        images.map((row) => row.orderId),
        images.map((row) => JSON.stringify(row.image)),
      ],
    );
  }

  async remove(transaction: Transaction, shopId: string, refs: readonly RowRef[]): Promise<void> {
    if (refs.length === 0) return;
    await transaction.query(
      `DELETE FROM row_image stored USING unnest($2::text[], $3::text[]) AS gone(table_name, row_key)
       WHERE stored.shop_id = $1 AND stored.table_name = gone.table_name AND stored.row_key = gone.row_key`,
      [shopId, refs.map((ref) => ref.table), refs.map((ref) => rowKeyText(ref.key))],
    );
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

  /** All known rows of several orders, by order id: one query for a batch. */
  async ofOrders(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<Map<string, StoredRow[]>> {
    const rows = await reader.query<RowImageRow>(
      `SELECT table_name, row_key, order_id, image FROM row_image
       WHERE shop_id = $1 AND order_id = ANY($2) ORDER BY table_name, row_key`,
      [shopId, orderIds],
    );
    return Map.groupBy(rows.map(storedRow), (row) => row.orderId ?? '');
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

  /** Forgets all images of a shop, before a new snapshot. */
  async clear(transaction: Transaction, shopId: string): Promise<void> {
    await transaction.query('DELETE FROM row_image WHERE shop_id = $1', [shopId]);
  }
}

function storedRow(row: RowImageRow): StoredRow {
  return {
    table: row.table_name,
    key: JSON.parse(row.row_key) as RowKey,
    orderId: row.order_id,
    image: row.image,
  };
}
