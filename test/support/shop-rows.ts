import { shopConnection, withShop } from '../../src/intake/replication/source/shop-server.js';
import { rowName, type Rows } from '../../src/orders/fold.js';
import { isSealed, type RowImage } from '../../src/orders/row-change.js';
import type { Profile } from '../../src/shops/profile.js';
import type { Harness } from './replication-harness.js';

export type TextRow = Record<string, string | null>;

/** All mapped rows of the shop, as PostgreSQL prints them, by row name. */
export async function shopRows(url: string, profile: Profile): Promise<Map<string, TextRow>> {
  const types = { getTypeParser: () => (value: unknown) => value };
  return withShop({ ...shopConnection(url), types }, async (client) => {
    const rows = new Map<string, TextRow>();
    for (const [table, mapping] of Object.entries(profile.tables)) {
      const columns = Object.keys(mapping.columns);
      const found = await client.query<TextRow>(`SELECT ${columns.join(', ')} FROM ${table}`);
      for (const row of found.rows) {
        const key = mapping.key.map((column) => row[column] ?? '');
        rows.set(rowName(table, key), row);
      }
    }
    return rows;
  });
}

/** Row images with their personal values opened. */
export async function opened(harness: Harness, rows: Rows): Promise<Map<string, TextRow>> {
  const sealed = [...rows.values()].flatMap((image) => Object.values(image).filter(isSealed));
  const texts = await harness.personalData.open(harness.shopId, sealed);
  const clear = new Map(sealed.map((value, index) => [value, texts[index] ?? null]));
  const open = (image: RowImage): TextRow =>
    Object.fromEntries(
      Object.entries(image).map(([column, value]) => [
        column,
        isSealed(value) ? (clear.get(value) ?? null) : value,
      ]),
    );
  return new Map([...rows].map(([name, image]) => [name, open(image)]));
}
