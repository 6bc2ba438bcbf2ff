import { isLater } from '../../../src/intake/replication/source/lsn.js';
import type { Committed } from '../shop/stand-in-shop.js';
import { shopId, type World } from '../world.js';
import type { Checker } from './checker.js';

interface Entry {
  readonly position: number;
  readonly lsn: string;
  readonly orderId: string;
}

/**
 * Invariant 3: "No order change lost, doubled or reordered per order, whatever dies or repeats." The journal
 * holds, at positions 1, 2, 3 ..., just what the shop's log holds up to what is confirmed, in its order.
 */
export class JournalWhole implements Checker {
  readonly name = '3: no change lost, doubled or reordered';
  private position = 0;
  private transactions = 0;

  async afterStep(world: World): Promise<string[]> {
    const [stream] = await world.query<{ confirmed: string }>(
      'SELECT confirmed_lsn::text AS confirmed FROM replication_stream WHERE shop_id = $1',
      [shopId],
    );
    const entries = await world.query<Entry>(
      `SELECT position, commit_lsn::text AS lsn, order_id AS "orderId" FROM journal_entry
       WHERE shop_id = $1 AND position > $2 ORDER BY position`,
      [shopId, this.position],
    );
    const due = world.shop.log.filter(({ endLsn }) => !isLater(endLsn, stream?.confirmed ?? ''));
    const expected = due.slice(this.transactions).flatMap((one) => eventsOf(world, one));
    const holes = entries.filter(({ position }, place) => position !== this.position + place + 1);
    const found = entries.map(({ lsn, orderId }) => `${lsn} of ${orderId || 'no order'}`);
    this.position += entries.length;
    this.transactions = due.length;
    return [
      ...holes.map(({ position }) => `the journal has a hole before position ${position}`),
      ...(found.join() === expected.join()
        ? []
        : [`journalled: ${found.join(', ')}; committed and confirmed: ${expected.join(', ')}`]),
    ];
  }

  async atRest(world: World): Promise<string[]> {
    const behind = world.shop.log.length - this.transactions;
    return Promise.resolve(behind === 0 ? [] : [`${behind} transactions were never journalled`]);
  }
}

/** What the journal has to say of a transaction: of each order that it changed, and of shared rows. */
function eventsOf(world: World, { commitLsn, changes }: Committed): string[] {
  const owners = changes.flatMap((change) => {
    if (change.kind === 'truncate') return [];
    const tuple = change.kind === 'delete' ? change.before.values : change.after;
    const row = change.relation.columns.map((column, place) => [column, tuple[place] ?? null]);
    const { table } = change.relation;
    return [world.shop.orderOf(table, Object.fromEntries(row) as Record<string, string | null>)];
  });
  const orders = [...new Set(owners.filter((owner) => owner !== undefined))];
  const shared = owners.includes(undefined) ? ['no order'] : [];
  return [...orders, ...shared].map((owner) => `${commitLsn} of ${owner}`);
}
