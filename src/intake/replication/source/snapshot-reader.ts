import pg from 'pg';
import type { MappedTable, ShopMapping } from '../interpret/shop-mapping.js';
import { closeClient, connectShop, shopConnection } from './shop-server.js';

/** A row as the shop prints it, by column. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Every value stays the text that the server sends: the same form as in the stream. */
const asText: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };

const cursorName = 'reinstate_snapshot';

/** Beside a row's own columns: the order that a row of another table gives it. */
export const orderByLink = 'reinstate order';

/** For one chunk of rows, also of a table that is mostly dead rows. */
const chunkLimitMs = 120_000;

/**
 * Reads tables as they were at an exported snapshot, in chunks, in one read-only transaction. Row-level
 * security is off: where it would hide rows from this user, the server refuses instead.
 */
export class SnapshotReader {
  private constructor(private readonly client: pg.Client) {}

  /** Reading breaks off when the signal is aborted. */
  static async open(
    readUrl: string,
    snapshotName: string,
    signal: AbortSignal,
  ): Promise<SnapshotReader> {
    const settings = { row_security: 'off' };
    const config = shopConnection(readUrl, { settings, statementLimitMs: chunkLimitMs, signal });
    const client = await connectShop({ ...config, types: asText });
    try {
      await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`SET TRANSACTION SNAPSHOT ${pg.escapeLiteral(snapshotName)}`);
      return new SnapshotReader(client);
    } catch (error) {
      await closeClient(client);
      throw error;
    }
  }

  /** All rows of a table, mapped columns only, `chunkRows` at a time; with `orderByLink`, where others name them. */
  async *chunks(
    mapping: ShopMapping,
    mapped: MappedTable,
    chunkRows: number,
  ): AsyncGenerator<TextRow[]> {
    const columns = mapped.columns.map((column) => `t.${pg.escapeIdentifier(column)}`);
    const selected = [...columns, ...linkColumn(mapping, mapped)].join(', ');
    await this.client.query(
      `DECLARE ${cursorName} NO SCROLL CURSOR FOR SELECT ${selected} FROM ${quotedTable(mapped.table)} AS t`,
    );
    for (;;) {
      const { rows } = await this.client.query<TextRow>(`FETCH ${chunkRows} FROM ${cursorName}`);
      if (rows.length === 0) break;
      yield rows;
    }
    await this.client.query(`CLOSE ${cursorName}`);
  }

  async close(): Promise<void> {
    await closeClient(this.client);
  }
}

/** The order of a row that is named by rows of another table, which the shop itself finds best. */
function linkColumn(mapping: ShopMapping, { order }: MappedTable): string[] {
  if (order === 'shared' || order.parent === undefined || order.by === undefined) return [];
  const link = mapping.tables.get(order.parent)?.order;
  if (link === undefined || link === 'shared') return [];
  const [orderId, by, own] = [link.column, order.by, order.column].map((column) =>
    pg.escapeIdentifier(column),
  );
  return [
    `(SELECT l.${orderId} FROM ${quotedTable(order.parent)} AS l WHERE l.${by} = t.${own} LIMIT 1) AS ${pg.escapeIdentifier(orderByLink)}`,
  ];
}

/** `schema.table` as SQL. */
export function quotedTable(table: string): string {
  const dot = table.indexOf('.');
  return `${pg.escapeIdentifier(table.slice(0, dot))}.${pg.escapeIdentifier(table.slice(dot + 1))}`;
}
