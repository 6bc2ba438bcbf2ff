import { present } from '../../platform/assert.js';
import type { RowImage, RowKey } from '../../orders/row-change.js';
import type { Profile } from '../profile.js';
import { arrayItem, type ColumnTypes } from './column-types.js';
import { ownRows, orderTables } from './own-rows.js';
import { filterSql, limitedRow, limitSql } from './row-sql.js';
import type { Query } from './shop-connections.js';
import { Parameters, quoteName, quoteTable, type Statement } from './sql-text.js';

type RowsByTable = Map<string, RowImage[]>;

/** Beside the row's own columns: the order that it belongs to. */
const orderAlias = 'reinstate order';

/** Reads whole orders, as the shop has them now, as text. */
export class OrderReader {
  constructor(
    private readonly profile: Profile,
    private readonly types: ColumnTypes,
    private readonly query: Query,
  ) {}

  /** The mapped rows of these orders, by order and table; orders that the shop does not have are left out. */
  async rowsOf(orderIds: readonly string[]): Promise<Map<string, RowsByTable>> {
    const orders = new Map<string, RowsByTable>();
    for (const table of orderTables(this.profile)) {
      for (const { [orderAlias]: orderId, ...row } of await this.query(
        this.rows(table, orderIds),
      )) {
        if (orderId === null || orderId === undefined) continue;
        const isOrder = table === this.profile.order.table;
        const order = orders.get(orderId) ?? (isOrder ? new Map<string, RowImage[]>() : undefined);
        if (order === undefined) continue;
        orders.set(orderId, order);
        order.set(table, [...(order.get(table) ?? []), row]);
      }
    }
    return orders;
  }

  /** The key of the newest order that people know by this number. */
  async findByNumber(orderNumber: string): Promise<string | undefined> {
    const { order } = this.profile;
    const parameters = new Parameters();
    const number = parameters.add(orderNumber, this.types.type(order.table, order.number));
    const rows = await this.query(
      parameters.statement(
        `SELECT ${quoteName(this.orderKey)} AS id FROM ${quoteTable(order.table)}
          WHERE ${quoteName(order.number)} = ${number}
          ORDER BY ${quoteName(order.placed_at)} DESC NULLS LAST LIMIT 1`,
      ),
    );
    return rows[0]?.['id'] ?? undefined;
  }

  /** Orders that stand cancelled, newest cancellation first, as far as the shop's dates tell. */
  async cancelledIn(period: { since: Date; until: Date; limit: number }): Promise<string[]> {
    const { order } = this.profile;
    const parameters = new Parameters();
    const statuses = `{${order.status.cancelled.map(arrayItem).join(',')}}`;
    const status = `o.${quoteName(order.status.column)}::text = ANY (${parameters.add(statuses, 'text[]')})`;
    const since = parameters.add(period.since.toISOString(), 'timestamptz');
    const until = parameters.add(period.until.toISOString(), 'timestamptz');
    const rows = await this.query(
      parameters.statement(
        `SELECT id FROM (
           SELECT o.${quoteName(this.orderKey)} AS id, coalesce(${this.cancelledAt().join(', ')}) AS at
             FROM ${quoteTable(order.table)} AS o WHERE ${status}
         ) AS cancelled
          WHERE at >= ${since} AND at < ${until} ORDER BY at DESC, id DESC LIMIT ${parameters.add(String(period.limit), 'bigint')}`,
      ),
    );
    return rows.map(({ id }) => present(id, 'an order has a key'));
  }

  /** The shop's keys of its newest open orders. */
  async newestOpen(limit: number): Promise<string[]> {
    const { order } = this.profile;
    const parameters = new Parameters();
    const statuses = `{${order.status.open.map(arrayItem).join(',')}}`;
    const rows = await this.query(
      parameters.statement(
        `SELECT ${quoteName(this.orderKey)} AS id FROM ${quoteTable(order.table)}
          WHERE ${quoteName(order.status.column)}::text = ANY (${parameters.add(statuses, 'text[]')})
            AND ${quoteName(order.placed_at)} IS NOT NULL
          ORDER BY ${quoteName(order.placed_at)} DESC LIMIT ${parameters.add(String(limit), 'bigint')}`,
      ),
    );
    return rows.map(({ id }) => present(id, 'an order has a key'));
  }

  /** One row by its key; only its mapped columns, and what limits it now. */
  async row(table: string, key: RowKey): Promise<RowImage | undefined> {
    const mapping = present(this.profile.tables[table], `the profile maps ${table}`);
    const parameters = new Parameters();
    const condition = mapping.key.map((column, index) => {
      const value = parameters.add(key[index] ?? null, this.types.type(table, column));
      return `${quoteName(column)} = ${value}`;
    });
    const limits = Object.entries(mapping.limits).map(
      ([name, sql]) => `${limitSql(sql)} AS ${quoteName(name)}`,
    );
    const columns = [...Object.keys(mapping.columns).map(quoteName), ...limits].join(', ');
    const rows = await this.query(
      parameters.statement(
        `SELECT ${columns} FROM ${quoteTable(table)} AS ${limitedRow} WHERE ${condition.join(' AND ')}`,
      ),
    );
    return rows[0];
  }

  private rows(table: string, orderIds: readonly string[]): Statement {
    const mapping = present(this.profile.tables[table], `the profile maps ${table}`);
    const { from, orderColumn, key } = ownRows(this.profile, table);
    const parameters = new Parameters();
    const type = this.types.orderKey(this.profile);
    const wanted = parameters.add(`{${orderIds.map(arrayItem).join(',')}}`, `${type}[]`);
    const columns = Object.keys(mapping.columns).map((column) => `t.${quoteName(column)}`);
    return parameters.statement(
      `SELECT ${orderColumn} AS ${quoteName(orderAlias)}, ${columns.join(', ')} FROM ${from}
        WHERE ${orderColumn} = ANY (${wanted}) ORDER BY ${key}`,
    );
  }

  /** Moments that may tell of a cancellation, best first; timestamps without a zone count as UTC. */
  private cancelledAt(): string[] {
    const { order, history } = this.profile;
    const columns = Object.entries(this.profile.tables[order.table]?.columns ?? {});
    const touch = columns.find(([, role]) => role === 'touch')?.[0];
    return [
      ...(order.cancelled_at === undefined ? [] : [order.cancelled_at]).map(ofOrder),
      ...(history === undefined ? [] : [this.historyMoment(history)]),
      ...(touch === undefined ? [] : [touch]).map(ofOrder),
      ofOrder(order.placed_at),
    ];
  }

  private historyMoment(history: NonNullable<Profile['history']>): string {
    const { from, orderColumn } = ownRows(this.profile, history.table);
    const order = `${orderColumn} = o.${quoteName(this.orderKey)}`;
    const conditions = `${order} AND ${filterSql(history.where, 't')}`;
    return `(SELECT max(t.${quoteName(history.at)})::timestamptz FROM ${from} WHERE ${conditions})`;
  }

  private get orderKey(): string {
    return present(
      this.profile.tables[this.profile.order.table]?.key[0],
      'the order table has a key',
    );
  }
}

function ofOrder(column: string): string {
  return `o.${quoteName(column)}::timestamptz`;
}
