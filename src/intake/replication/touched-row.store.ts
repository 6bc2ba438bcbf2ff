import { Injectable } from '@nestjs/common';
import {
  rowKeyText,
  type RowImage,
  type RowKey,
  type SealedValue,
} from '../../orders/row-change.js';
import type { Transaction } from '../../platform/database/database.js';
import type { RowRef } from './interpret/known-rows.js';

/** A row that a big transaction has touched, as it is kept while the transaction is worked out. */
export interface KeptRow extends RowRef {
  readonly inserted: boolean;
  readonly orderBefore: string | null;
  readonly orderAfter: string | null;
  readonly shared: boolean;
  /** its order can only be told once all rows are known, since it stands on its parent */
  readonly isChild: boolean;
  /** before- and after-image, sealed where they hold anything personal */
  readonly images: SealedValue | StoredImages;
  /** emptied after that: the after-image does not count any more */
  readonly emptied: boolean;
}

/** Before- and after-image without anything personal in the clear. */
export interface StoredImages {
  readonly before: RowImage | null;
  readonly after: RowImage | null;
}

interface KeptRowOf extends Omit<KeptRow, 'table' | 'key'> {
  readonly table: string;
  readonly key: string;
}

const columns = `table_name AS "table", row_key AS key, inserted, order_before AS "orderBefore",
  order_after AS "orderAfter", shared, is_child AS "isChild", images, emptied`;

/**
 * The rows that one big transaction has touched, in a table of our own session that goes with the
 * transaction of ours: what memory holds elsewhere.
 */
@Injectable()
export class TouchedRowStore {
  async open(transaction: Transaction): Promise<void> {
    await transaction.query(
      `CREATE TEMPORARY TABLE touched_row (
         table_name text COLLATE "C" NOT NULL, row_key text COLLATE "C" NOT NULL, inserted boolean NOT NULL,
         order_before text COLLATE "C", order_after text COLLATE "C",
         shared boolean NOT NULL, is_child boolean NOT NULL, images json NOT NULL,
         emptied boolean NOT NULL DEFAULT false, PRIMARY KEY (table_name, row_key)) ON COMMIT DROP`,
    );
  }

  /** Before rows are asked for by their order. */
  async index(transaction: Transaction): Promise<void> {
    for (const column of ['order_before', 'order_after'])
      await transaction.query(`CREATE INDEX ON touched_row (${column})`);
    await transaction.query('ANALYZE touched_row');
  }

  /** The session may take on another transaction before it is committed. */
  async close(transaction: Transaction): Promise<void> {
    await transaction.query('DROP TABLE touched_row');
  }

  async write(transaction: Transaction, rows: readonly KeptRow[]): Promise<void> {
    await transaction.query(
      `INSERT INTO touched_row (table_name, row_key, inserted, order_before, order_after, shared, is_child, images)
       SELECT table_name, row_key, inserted, order_before, order_after, shared, is_child, images
       FROM json_to_recordset($1::json) AS given(table_name text, row_key text, inserted boolean, order_before text,
         order_after text, shared boolean, is_child boolean, images json)
       ON CONFLICT (table_name, row_key) DO UPDATE SET order_before = excluded.order_before,
         order_after = excluded.order_after, images = excluded.images, emptied = false`,
      // as one text: the driver takes long to write arrays of them
      [JSON.stringify(rows.map(recordOf))],
    );
  }

  async setOrders(
    transaction: Transaction,
    rows: readonly (RowRef & Pick<KeptRow, 'orderBefore' | 'orderAfter'>)[],
  ): Promise<void> {
    await transaction.query(
      `UPDATE touched_row kept SET order_before = given.order_before, order_after = given.order_after
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         AS given(table_name, row_key, order_before, order_after)
       WHERE kept.table_name = given.table_name AND kept.row_key = given.row_key`,
      [
        rows.map((row) => row.table),
        rows.map((row) => rowKeyText(row.key)),
        rows.map((row) => row.orderBefore),
        rows.map((row) => row.orderAfter),
      ],
    );
  }

  /** All rows of a table are gone. */
  async empty(transaction: Transaction, table: string): Promise<void> {
    await transaction.query(
      'UPDATE touched_row SET emptied = true, order_after = NULL WHERE table_name = $1',
      [table],
    );
  }

  async read(transaction: Transaction, refs: readonly RowRef[]): Promise<KeptRow[]> {
    if (refs.length === 0) return [];
    const rows = await transaction.query<KeptRowOf>(
      `SELECT touched.* FROM unnest($1::text[], $2::text[]) AS asked(asked_table, asked_key), LATERAL (
         SELECT ${columns} FROM touched_row WHERE table_name = asked_table AND row_key = asked_key OFFSET 0) touched`,
      [refs.map((ref) => ref.table), refs.map((ref) => rowKeyText(ref.key))],
    );
    return rows.map(keptRow);
  }

  /** Rows whose order stands on their parent, page by page. */
  async children(
    transaction: Transaction,
    page: { after: RowRef | null; limit: number },
  ): Promise<KeptRow[]> {
    return this.page(transaction, 'is_child', page);
  }

  /** Rows that belong to no order, shared ones aside, page by page. */
  async withoutOrder(
    transaction: Transaction,
    page: { after: RowRef | null; limit: number },
  ): Promise<KeptRow[]> {
    const none = 'order_before IS NULL AND order_after IS NULL AND NOT shared';
    return this.page(transaction, none, page);
  }

  /** Rows that many orders share, page by page. */
  async ofShared(
    transaction: Transaction,
    page: { after: RowRef | null; limit: number },
  ): Promise<KeptRow[]> {
    return this.page(transaction, 'shared', page);
  }

  /** The next orders that are touched, in the order of their ids. */
  async nextOrders(
    transaction: Transaction,
    { after, limit }: { after: string | null; limit: number },
  ): Promise<string[]> {
    const next = (column: string): string =>
      `(SELECT DISTINCT ${column} AS order_id FROM touched_row
        WHERE ${column} IS NOT NULL AND ($1::text IS NULL OR ${column} > $1 COLLATE "C") ORDER BY 1 LIMIT $2)`;
    const rows = await transaction.query<{ order_id: string }>(
      `SELECT order_id FROM (${next('order_before')} UNION ${next('order_after')}) both_sides ORDER BY 1 LIMIT $2`,
      [after, limit],
    );
    return rows.map((row) => row.order_id);
  }

  async ofOrders(transaction: Transaction, orderIds: readonly string[]): Promise<KeptRow[]> {
    const rows = await transaction.query<KeptRowOf>(
      `SELECT ${columns} FROM touched_row WHERE order_before = ANY($1)
       UNION ALL SELECT ${columns} FROM touched_row WHERE order_after = ANY($1)
         AND (order_before IS NULL OR order_before <> ALL ($1))
       ORDER BY "table", key`,
      [orderIds],
    );
    return rows.map(keptRow);
  }

  private async page(
    transaction: Transaction,
    condition: string,
    { after, limit }: { after: RowRef | null; limit: number },
  ): Promise<KeptRow[]> {
    const rows = await transaction.query<KeptRowOf>(
      `SELECT ${columns} FROM touched_row
       WHERE ${condition} AND ($1::text IS NULL OR (table_name, row_key) > ($1 COLLATE "C", $2 COLLATE "C"))
       ORDER BY table_name, row_key LIMIT $3`,
      [after?.table ?? null, after === null ? null : rowKeyText(after.key), limit],
    );
    return rows.map(keptRow);
  }
}

function recordOf(row: KeptRow): object {
  const { inserted, shared, images } = row;
  return {
    ...{ table_name: row.table, row_key: rowKeyText(row.key), inserted, shared, images },
    ...{ order_before: row.orderBefore, order_after: row.orderAfter, is_child: row.isChild },
  };
}

function keptRow({ table, key, ...row }: KeptRowOf): KeptRow {
  return { ...row, table, key: JSON.parse(key) as RowKey };
}
