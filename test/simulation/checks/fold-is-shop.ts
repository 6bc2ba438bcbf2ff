import type { ColumnValue, RowChange } from '../../../src/orders/row-change.js';
import { isLater } from '../../../src/intake/replication/source/lsn.js';
import { rowsChanged } from '../shop/shop-history.js';
import type { Row } from '../shop/stand-in-shop.js';
import { shopId, type World } from '../world.js';
import type { Checker } from './checker.js';

type Image = Readonly<Record<string, ColumnValue>>;

/**
 * Invariant 4: "Journal fold = shop state at the same LSN, for every mapped column." The entries, folded here by
 * hand, are the shop's rows as its log leaves them where the journal is; so are the row images. Personal values are
 * sealed: one hash stands for one text of one person.
 */
export class FoldIsShop implements Checker {
  readonly name = '4: journal fold = shop state';
  private position = 0;
  private transactions = 0;
  private readonly folded = new Map<string, Image>();
  private readonly shop = new Map<string, Row>();
  private readonly sealed = new Map<string, string>();

  async afterStep(world: World): Promise<string[]> {
    const entries = await world.query<{ position: number; changes: RowChange[] }>(
      `SELECT position, row_changes AS changes FROM journal_entry WHERE shop_id = $1 AND position > $2 ORDER BY position`,
      [shopId, this.position],
    );
    const [stream] = await world.query<{ confirmed: string }>(
      'SELECT confirmed_lsn::text AS confirmed FROM replication_stream WHERE shop_id = $1',
      [shopId],
    );
    const due = world.shop.log.filter(({ endLsn }) => !isLater(endLsn, stream?.confirmed ?? ''));
    const touched = new Set<string>();
    for (const { table, key, after } of entries.flatMap(({ changes }) => changes))
      this.apply(this.folded, `${table} ${key.join('/')}`, after, touched);
    for (const { name, after } of due
      .slice(this.transactions)
      .flatMap((one) => rowsChanged(world.shop, one)))
      this.apply(this.shop, name, after, touched);
    this.position += entries.length;
    this.transactions = due.length;
    return [...touched].flatMap((name) =>
      this.differing(name, this.folded.get(name), this.shop.get(name)),
    );
  }

  async atRest(world: World): Promise<string[]> {
    const images = await world.query<{ name: string; image: Image }>(
      `SELECT concat_ws(' ', table_name, row_key::jsonb ->> 0) AS name, image FROM row_image WHERE shop_id = $1`,
      [shopId],
    );
    const known = new Map(images.map(({ name, image }) => [name, image]));
    const names = new Set([...known.keys(), ...this.shop.keys()]);
    return [...names].flatMap((name) =>
      this.differing(name, known.get(name), this.shop.get(name)).map(
        (found) => `row image: ${found}`,
      ),
    );
  }

  private apply<T>(
    rows: Map<string, T>,
    name: string,
    after: T | null,
    touched: Set<string>,
  ): void {
    touched.add(name);
    if (after === null) rows.delete(name);
    else rows.set(name, after);
  }

  private differing(name: string, image: Image | undefined, row: Row | undefined): string[] {
    if (image === undefined || row === undefined)
      return image === row ? [] : [`${name} is ${image === undefined ? 'missing' : 'too much'}`];
    const columns = new Set([...Object.keys(image), ...Object.keys(row)]);
    return [...columns]
      .filter((column) => !this.isSame(image[column], row[column] ?? null))
      .map((column) => `${name}: ${column}`);
  }

  private isSame(value: ColumnValue | undefined, text: string | null): boolean {
    if (typeof value !== 'object' || value === null) return value === text;
    const seal = `${value.keyOf} ${value.hash}`;
    const known = this.sealed.get(seal) ?? text ?? '';
    this.sealed.set(seal, known);
    return known === text;
  }
}
