import { ownerOf } from '../../src/intake/replication/interpret/ownership.js';
import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { fold, rowName } from '../../src/orders/fold.js';
import type { Profile } from '../../src/shops/profile.js';
import { brokenChains, changesInView } from './journal-chains.js';
import type { Harness } from './replication-harness.js';
import { opened, shopRows, type TextRow } from './shop-rows.js';

type TextRows = ReadonlyMap<string, TextRow>;

/**
 * What every torture ends with: once the shop rests and the journal has passed it, the rows of `begun` with
 * all of the journal on top, and the row images, are the shop's rows, value by value.
 */
export class FoldCheck {
  private constructor(
    private readonly harness: Harness,
    private readonly profile: Profile,
    private readonly begun: TextRows,
  ) {}

  /** Before the shop is attached, or while it rests. */
  static async begin(harness: Harness, profile?: Profile): Promise<FoldCheck> {
    const used = profile ?? harness.target().mapping.profile;
    return new FoldCheck(harness, used, await shopRows(harness.shop.credentials.attach, used));
  }

  /**
   * Throws where anything differs; `gaps`: changes were lost on the way, so that before-images are missing and
   * only the fold counts.
   */
  async holds({ gaps = false }: { gaps?: boolean } = {}): Promise<void> {
    await this.harness.caughtUp();
    const shop = await shopRows(this.harness.shop.credentials.attach, this.profile);
    const stored = await this.harness.images(this.profile);
    const images = new Map(stored.map((row) => [rowName(row.table, row.key), row.image]));
    expect(await opened(this.harness, images)).toEqual(shop);
    const entries = await this.harness.entries();
    expect(entries.map(({ position }) => position)).toEqual(entries.map((_, index) => index + 1));
    const told = entries.filter(({ kinds }) => kinds.includes('gap'));
    if (!gaps) {
      expect(told.map(({ reason }) => reason)).toEqual([]);
      expect(brokenChains(entries)).toEqual([]);
    }
    const folded = await opened(this.harness, fold(this.begun, changesInView(entries)));
    const owners = new Map(stored.map((row) => [rowName(row.table, row.key), row.orderId]));
    const expected = this.journalled(shop, owners);
    const wrong = [...expected].filter(([name, row]) => !isSame(folded.get(name), row));
    expect(wrong).toEqual([]);
    const surplus = [...folded].filter(
      ([name, row]) => !shop.has(name) && this.isOfOrder(folded, name, row),
    );
    expect(surplus).toEqual([]);
  }

  /** Rows of orders that count as placed, and counters: what the journal is about. */
  private journalled(rows: TextRows, owners: ReadonlyMap<string, string | null>): TextRows {
    return new Map(
      [...rows].filter(([name]) => {
        if (this.isShared(name)) return true;
        const orderId = owners.get(name) ?? null;
        return orderId !== null && this.isPlaced(rows, orderId);
      }),
    );
  }

  /** A row that moved to a cart left the journal's view: what the cart did with it afterwards is not written down. */
  private isOfOrder(rows: TextRows, name: string, image: TextRow): boolean {
    const mapping = mapShop(this.profile);
    const table = tableOf(name);
    const lookup = (ref: { table: string; key: readonly string[] }) =>
      rows.get(rowName(ref.table, ref.key));
    const owner = ownerOf(mapping, { table, image }, { image: lookup, orderByLink: () => null });
    if (owner === null || owner === 'shared') return owner === 'shared';
    return this.isPlaced(rows, owner.orderId);
  }

  private isShared(name: string): boolean {
    return this.profile.tables[tableOf(name)]?.order === 'shared';
  }

  private isPlaced(rows: TextRows, orderId: string): boolean {
    const order = rows.get(rowName(this.profile.order.table, [orderId]));
    return typeof order?.['placed_at'] === 'string';
  }
}

function tableOf(name: string): string {
  return name.slice(0, name.indexOf(' '));
}

function isSame(left: TextRow | undefined, right: TextRow): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(row: TextRow | undefined): [string, string | null][] {
  return Object.entries(row ?? {}).sort(([a], [b]) => a.localeCompare(b));
}
