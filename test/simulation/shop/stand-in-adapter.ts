import type { RowImage, RowKey } from '../../../src/orders/row-change.js';
import { Fault } from '../../../src/platform/errors.js';
import { judgeCapability } from '../../../src/shops/capability.js';
import { markerPrefix, signedMarker, type MarkerKey } from '../../../src/shops/restore-marker.js';
import type {
  Capability,
  CheckReport,
  NoteTransaction,
  RestoreItem,
  RestoreOutcome,
  ShopAdapter,
  ShopPosition,
} from '../../../src/shops/shop-adapter.js';
import { buildSnapshot } from '../../../src/shops/snapshot.js';
import type { OrderSnapshot } from '../../../src/orders/order-snapshot.js';
import type { Life } from '../life.js';
import { differencesFrom, workOn } from './restore-work.js';
import type { RestoreFault } from './shop-faults.js';
import type { ShopTransaction, StandInShop } from './stand-in-shop.js';

/** What a simulated world decides about a shop, and is told of it. */
export interface ShopSurroundings {
  readonly shopId: string;
  readonly markerKey: MarkerKey;
  /** nobody reaches the shop */
  isAway(): boolean;
  /** the server has lost its memory of transactions, and cannot say what became of one */
  isForgetful(): boolean;
  faultOf(item: RestoreItem): RestoreFault;
  /** everything that the shop has committed reaches the journal, as it would while one waits for it */
  catchUp(): Promise<void>;
  /** the process stops here until it is let go on, or is ended for good */
  freeze(process: string): Promise<void>;
  /** a transaction of Reinstate's was announced: `before` it, so many statements under the shop's locks */
  noted(item: RestoreItem, transactionId: number, statements: number): Promise<void>;
  committed(item: RestoreItem, transactionId: number): void;
  meanwhile(orderId: string, act: 'ship' | 'cancel' | 'annotate'): void;
  now(): Date;
  say(line: string): void;
}

/** Lost on the way: nobody knows what became of it. */
const lostAnswer = 'the connection was lost at the commit';

/** One process's way to the stand-in shop. What goes wrong on it is drawn, and said in the trace. */
export class StandInAdapter implements ShopAdapter {
  constructor(
    private readonly shop: StandInShop,
    private readonly around: ShopSurroundings,
    private readonly process: { readonly name: string; readonly life: Life },
    private readonly mayWrite: () => Promise<boolean>,
  ) {}

  check(): Promise<CheckReport> {
    return Promise.resolve({ ok: true, serverVersion: 'stand-in', faults: [] });
  }

  readRows(orderId: string): Promise<ReadonlyMap<string, readonly RowImage[]> | undefined> {
    return this.reached(() => this.shop.orderRows(orderId));
  }

  read(orderId: string): Promise<OrderSnapshot | undefined> {
    return this.reached(() => {
      const rows = this.shop.orderRows(orderId);
      return rows === undefined ? undefined : buildSnapshot(this.shop.profile, rows);
    });
  }

  findByNumber(orderNumber: string): Promise<string | undefined> {
    const orders = [...this.shop.rowsOf('shop.orders').values()];
    const found = orders.find((row) => row['number'] === orderNumber)?.['id'] ?? undefined;
    return this.reached(() => found);
  }

  listCancelled(period: { since: Date; until: Date; limit: number }): Promise<OrderSnapshot[]> {
    return this.reached(() => {
      const orders = [...this.shop.rowsOf('shop.orders').keys()].map((id) =>
        buildSnapshot(this.shop.profile, this.shop.orderRows(id) ?? new Map()),
      );
      const cancelled = orders.filter(({ state, cancelledAt }) => {
        const at = new Date(cancelledAt ?? 0);
        return state === 'cancelled' && at >= period.since && at <= period.until;
      });
      return cancelled.reverse().slice(0, period.limit);
    });
  }

  capabilities(orderId: string): Promise<Capability> {
    return this.reached(() => judgeCapability(this.shop.profile, this.shop.orderRows(orderId)));
  }

  async currentPosition(): Promise<ShopPosition> {
    await this.reached(() => undefined);
    await this.around.catchUp();
    return { lsn: this.shop.position, incarnation: this.shop.incarnation };
  }

  readCounters(rows: readonly { table: string; key: RowKey }[]): Promise<(RowImage | null)[]> {
    return this.reached(() =>
      rows.map(({ table, key }) => this.shop.row(table, key[0] ?? '') ?? null),
    );
  }

  async restore(item: RestoreItem, noteTransaction: NoteTransaction): Promise<RestoreOutcome> {
    this.alive();
    if (!(await this.mayWrite()))
      return failed('permission-denied', { retry: false, detail: 'the shop is not armed' });
    if (this.around.isAway())
      return failed('unreachable', { retry: true, detail: 'nobody answers' });
    const fault = this.around.faultOf(item);
    const name = `${item.action} of order ${item.orderId}`;
    if (fault.kind === 'refuse') {
      this.around.say(`    shop: ${name} refused at will: ${fault.reason}`);
      return { outcome: 'refused', reason: fault.reason, detail: 'the shop does not want it' };
    }
    if (fault.kind === 'fail') {
      this.around.say(`    shop: ${name} failed at will: ${fault.reason}`);
      return failed(fault.reason, { retry: fault.retry, detail: 'the shop is unwell' });
    }
    const transaction = this.shop.begin();
    const refused = workOn(this.shop, transaction, item);
    if (refused !== undefined) {
      this.around.say(`    shop: ${name} refused: ${refused.reason} (${refused.detail})`);
      return refused;
    }
    if (this.shop.isLocked(transaction)) {
      this.around.say(`    shop: ${name} finds a lock`);
      return failed('locked', { retry: true, detail: 'somebody else holds a row of it' });
    }
    return this.hold({ item, fault, transaction, noteTransaction });
  }

  /** From the last lock to the end of the transaction: what is not committed here is rolled back. */
  private async hold(given: {
    item: RestoreItem;
    fault: RestoreFault;
    transaction: ShopTransaction;
    noteTransaction: NoteTransaction;
  }): Promise<RestoreOutcome> {
    const { item, fault, transaction } = given;
    const { shop, around } = this;
    const transactionId = shop.newTransactionId();
    const rows = new Set(transaction.net().map(({ table, key }) => `${table} ${key}`));
    const since = around.now();
    shop.held.set(transactionId, {
      orderId: item.orderId,
      process: this.process.name,
      rows,
      since,
    });
    let isCommitted = false;
    try {
      await this.note(given, transactionId);
      // the server has ended what stood idle for too long
      if (!shop.held.has(transactionId))
        return failed('timeout', { retry: true, detail: 'idle in transaction for too long' });
      if (fault.kind === 'cut') {
        around.say(`    shop: order ${item.orderId} cut off before its commit`);
        return this.unknown(transactionId);
      }
      shop.held.delete(transactionId);
      const { shopId, markerKey } = around;
      const { action, itemId, orderId } = item;
      const content = signedMarker({ shopId, action, itemId, orderId }, markerKey);
      const messages = [{ prefix: markerPrefix, content }];
      shop.commit(transaction, { by: 'reinstate', transactionId, messages });
      isCommitted = true;
      around.committed(item, transactionId);
    } finally {
      if (!isCommitted) {
        shop.held.delete(transactionId);
        shop.abort(transactionId);
      }
    }
    return this.answer(given, transactionId);
  }

  private async note(
    given: { item: RestoreItem; fault: RestoreFault; noteTransaction: NoteTransaction },
    transactionId: number,
  ): Promise<void> {
    const { item, fault, noteTransaction } = given;
    const { incarnation } = this.shop;
    this.dieAt(fault, 'begun', item);
    const noting = () => noteTransaction({ transactionId, incarnation });
    const statements = await this.process.life.count(noting);
    await this.around.noted(item, transactionId, statements);
    this.dieAt(fault, 'noted', item);
    if (fault.kind !== 'freeze') return;
    this.around.say(
      `    process ${this.process.name} stops at the commit of order ${item.orderId}`,
    );
    await this.around.freeze(this.process.name);
    this.alive();
  }

  private answer(
    { item, fault }: { item: RestoreItem; fault: RestoreFault },
    transactionId: number,
  ): RestoreOutcome {
    const { around, shop } = this;
    this.dieAt(fault, 'committed', item);
    if (fault.kind === 'meanwhile') around.meanwhile(item.orderId, fault.act);
    if (fault.kind === 'answer-lost') {
      around.say(`    shop: order ${item.orderId} applied, the answer lost`);
      return this.unknown(transactionId);
    }
    around.say(`    shop: order ${item.orderId} applied`);
    return { outcome: 'applied', transactionId, incarnation: shop.incarnation };
  }

  private unknown(transactionId: number): RestoreOutcome {
    const { incarnation } = this.shop;
    return { outcome: 'unknown', transactionId, incarnation, detail: lostAnswer };
  }

  private dieAt(fault: RestoreFault, place: string, { orderId }: RestoreItem): void {
    if (fault.kind !== 'die' || fault.at !== place) return;
    this.around.say(`    process ${this.process.name} dies with order ${orderId} ${place}`);
    this.process.life.end();
  }

  outcomeOf(transaction: {
    transactionId: number;
    incarnation: string;
  }): Promise<'committed' | 'aborted' | 'in-progress' | 'unknown'> {
    return this.reached(() =>
      this.around.isForgetful() ? 'unknown' : this.shop.statusOf(transaction.transactionId),
    );
  }

  verify(item: RestoreItem): Promise<readonly string[]> {
    return this.reached(() => differencesFrom(this.shop, item));
  }

  renderSql(): Promise<string> {
    return Promise.reject(new Fault('conflict', 'no-script', 'a stand-in has no SQL'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async reached<T>(read: () => T): Promise<T> {
    this.alive();
    if (this.around.isAway())
      throw new Fault('unavailable', 'shop-unreachable', 'the shop’s database: nobody answers');
    return Promise.resolve(read());
  }

  /** A dead process asks nobody any more. */
  private alive(): void {
    if (this.process.life.isDead) this.process.life.end();
  }
}

function failed(
  reason: Extract<RestoreOutcome, { outcome: 'failed' }>['reason'],
  given: { retry: boolean; detail: string },
): RestoreOutcome {
  return { outcome: 'failed', reason, ...given };
}
