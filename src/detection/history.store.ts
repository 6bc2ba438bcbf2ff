import { Injectable } from '@nestjs/common';
import { PersonalData } from '../journal/personal-data.js';
import { isSealed, type RowImage } from '../orders/row-change.js';
import type { Reader } from '../platform/database/database.js';
import { tellingColumns, type History } from '../shops/cancellation-actor.js';
import { attributeTables } from '../shops/order-attributes.js';
import type { Profile } from '../shops/profile.js';
import type { RowFilter } from '../shops/row-filter.js';
import { attributeFilters, attributesOfPast, columnsOfPast, type PastOrder } from './history.js';

/** Orders of the past that are looked at, the newest by their placing date. */
const ordersMax = 100_000;
/** Orders whose further rows are read at once. */
const ordersAtOnce = 2_000;
/** Older orders say little about the shop of today. */
export const historyDays = 182;

interface OrderRow {
  order_id: string;
  image: RowImage;
}

interface PastShop {
  readonly id: string;
  readonly profile: Profile;
}

/** `fitsFilter`, for any of the filters in a parameter; null lets every row pass. A sealed value fits none. */
const fitsSql = (parameter: string): string => `(${parameter}::jsonb IS NULL OR EXISTS (
  SELECT FROM jsonb_array_elements(${parameter}::jsonb) AS given (one) WHERE NOT EXISTS (
    SELECT FROM jsonb_each(one) AS wanted (name, texts)
    WHERE NOT texts @> coalesce(image -> name, 'null'))))`;

function filterParameter(filters: readonly RowFilter[] | null): string | null {
  return filters === null ? null : JSON.stringify(filters);
}

/** Without columns that tell who and why: what stands sealed in them is opened first, and looked at then. */
function historyFilters(history: History): RowFilter[] {
  const telling = tellingColumns(history);
  const where = Object.entries(history.where);
  return [Object.fromEntries(where.filter(([column]) => !telling.includes(column)))];
}

/** Reads the shop's past orders from the row images that the initial snapshot left. */
@Injectable()
export class HistoryStore {
  constructor(private readonly personal: PersonalData) {}

  /** The rows beside the orders' own may be many more than the orders: only some orders' are held at once. */
  async read(reader: Reader, shop: PastShop, since: Date): Promise<PastOrder[]> {
    const rows = await this.readOrders(reader, shop, since);
    const orders: PastOrder[] = [];
    for (let start = 0; start < rows.length; start += ordersAtOnce) {
      const part = await this.readPart(reader, shop, rows.slice(start, start + ordersAtOnce));
      orders.push(...part);
    }
    return orders;
  }

  private async readPart(
    reader: Reader,
    shop: PastShop,
    orders: readonly OrderRow[],
  ): Promise<PastOrder[]> {
    const history = await this.openTelling(shop, await this.readHistory(reader, shop, orders));
    const beside = await this.readAttributeRows(reader, shop, orders);
    return orders.map(({ order_id: orderId, image: row }) => ({
      orderId,
      row,
      attributes: attributesOfPast(shop.profile, row, beside.get(orderId) ?? new Map()),
      historyRows: history.get(orderId) ?? [],
    }));
  }

  /** Dates compare as text here: one column is printed in one way, and a day more or less does no harm. */
  private async readOrders(
    reader: Reader,
    { id, profile }: PastShop,
    since: Date,
  ): Promise<OrderRow[]> {
    const { order } = profile;
    return reader.query<OrderRow>(
      `SELECT order_id, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(image) WHERE key = ANY($4)) AS image
       FROM row_image
       WHERE shop_id = $1 AND table_name = $2 AND order_id IS NOT NULL AND image->>$3 >= $5
       ORDER BY image->>$3 DESC LIMIT $6`,
      [
        id,
        order.table,
        order.placed_at,
        columnsOfPast(profile),
        since.toISOString().slice(0, 10),
        ordersMax,
      ],
    );
  }

  /** What the shop's history says about those that stand cancelled, oldest first. */
  private async readHistory(
    reader: Reader,
    { id, profile }: PastShop,
    orders: readonly OrderRow[],
  ): Promise<Map<string, RowImage[]>> {
    const { history, order } = profile;
    if (history === undefined) return new Map();
    const cancelled = orders.filter(({ image }) =>
      order.status.cancelled.some((status) => status === image[order.status.column]),
    );
    const rows = await reader.query<OrderRow>(
      `SELECT order_id, image FROM row_image
       WHERE shop_id = $1 AND table_name = $2 AND order_id = ANY($3) AND ${fitsSql('$5')}
       ORDER BY image->>$4, row_key`,
      [
        id,
        history.table,
        cancelled.map((row) => row.order_id),
        history.at,
        filterParameter(historyFilters(history)),
      ],
    );
    return new Map(
      [...Map.groupBy(rows, (row) => row.order_id)].map(([orderId, found]) => [
        orderId,
        found.map(({ image }) => image),
      ]),
    );
  }

  /** The rows that attributes are read from beside the orders' own, by order and table. */
  private async readAttributeRows(
    reader: Reader,
    { id, profile }: PastShop,
    orders: readonly OrderRow[],
  ): Promise<Map<string, Map<string, RowImage[]>>> {
    const byOrder = new Map<string, Map<string, RowImage[]>>();
    const orderIds = orders.map((row) => row.order_id);
    for (const [table, columns] of attributeTables(profile)) {
      const rows = await reader.query<OrderRow>(
        `SELECT order_id, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(image) WHERE key = ANY($4)) AS image
         FROM row_image WHERE shop_id = $1 AND table_name = $2 AND order_id = ANY($3) AND ${fitsSql('$5')}`,
        [id, table, orderIds, columns, filterParameter(attributeFilters(profile, table))],
      );
      for (const [orderId, found] of Map.groupBy(rows, (row) => row.order_id)) {
        const tables = byOrder.get(orderId) ?? new Map<string, RowImage[]>();
        byOrder.set(
          orderId,
          tables.set(
            table,
            found.map(({ image }) => image),
          ),
        );
      }
    }
    return byOrder;
  }

  /** Who and why may stand in personal columns; of persons who were erased they are not known. */
  private async openTelling(
    { id, profile }: PastShop,
    rows: ReadonlyMap<string, readonly RowImage[]>,
  ): Promise<ReadonlyMap<string, readonly RowImage[]>> {
    const telling = profile.history === undefined ? [] : tellingColumns(profile.history);
    const sealed = [...rows.values()]
      .flat()
      .flatMap((row) => telling.map((column) => row[column]))
      .filter((value) => isSealed(value));
    if (sealed.length === 0) return rows;
    const opened = await this.personal.open(id, sealed);
    const clear = new Map(sealed.map(({ sealed: text }, index) => [text, opened[index] ?? null]));
    const openRow = (row: RowImage): RowImage => ({
      ...row,
      ...Object.fromEntries(
        telling.flatMap((column) => {
          const value = row[column];
          return isSealed(value) ? [[column, clear.get(value.sealed) ?? null]] : [];
        }),
      ),
    });
    return new Map([...rows].map(([orderId, found]) => [orderId, found.map(openRow)]));
  }
}
