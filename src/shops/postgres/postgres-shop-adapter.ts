import { AssertionError } from '../../platform/assert.js';
import { Fault } from '../../platform/errors.js';
import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import type { RowImage, RowKey } from '../../orders/row-change.js';
import { judgeCapability } from '../capability.js';
import { isSameServer } from '../incarnation.js';
import type { Profile } from '../profile.js';
import type {
  Capability,
  CheckReport,
  NoteTransaction,
  RestoreItem,
  RestoreOutcome,
  ShopAdapter,
  ShopPosition,
} from '../shop-adapter.js';
import { buildSnapshot } from '../snapshot.js';
import { readColumnTypes, type ColumnTypes } from './column-types.js';
import { OrderReader } from './order-reader.js';
import { itemFault } from './plan-item.js';
import { restoreScript } from './restore-script.js';
import { restoreSteps } from './restore-statements.js';
import type { RestoreStep } from './restore-step.js';
import { runRestore } from './restore-transaction.js';
import type { RestoreContext } from './row-sql.js';
import { identityColumns, incarnationOf } from './server-identity.js';
import { checkShop } from './shop-check.js';
import { ShopConnections } from './shop-connections.js';
import { canRetry, isNoSuchValue, problemOf } from './shop-failure.js';
import { unmappedColumns, unmappedRefusal } from './unmapped-columns.js';
import { readBack } from './verify.js';

export interface PostgresShopSettings {
  readonly profile: Profile;
  readonly readUrl: string;
  /** without it the shop can only be observed */
  readonly writeUrl: string | undefined;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  /** orders restored side by side */
  readonly concurrency: number;
  /** the signed mark that the item's transaction leaves in the shop's stream */
  readonly markerOf: (item: RestoreItem) => string;
  /** asked before each restore: the shop is armed and nobody has pulled the kill switch */
  readonly mayWrite: () => Promise<boolean>;
}

/** Any shop on PostgreSQL that has a profile. */
export class PostgresShopAdapter implements ShopAdapter {
  private readonly connections: ShopConnections;
  private types: Promise<ColumnTypes> | undefined;

  constructor(private readonly settings: PostgresShopSettings) {
    this.connections = new ShopConnections({
      readUrl: settings.readUrl,
      writeUrl: settings.writeUrl,
      writeConnections: settings.concurrency,
      statementTimeoutMs: settings.statementTimeoutMs,
    });
  }

  async check(): Promise<CheckReport> {
    this.types = undefined;
    const { profile, readUrl, writeUrl } = this.settings;
    return await this.guarded(() =>
      checkShop({
        profile,
        session: this.connections,
        readUrl,
        writeUrl,
        timeouts: this.timeouts(),
      }),
    );
  }

  async readRows(orderId: string): Promise<ReadonlyMap<string, readonly RowImage[]> | undefined> {
    const orders = await this.reading((reader) => unlessMistyped(reader.rowsOf([orderId])));
    return orders?.get(orderId);
  }

  async read(orderId: string): Promise<OrderSnapshot | undefined> {
    const rows = await this.readRows(orderId);
    return rows === undefined ? undefined : buildSnapshot(this.settings.profile, rows);
  }

  async findByNumber(orderNumber: string): Promise<string | undefined> {
    return await this.reading((reader) => unlessMistyped(reader.findByNumber(orderNumber)));
  }

  async listCancelled(period: {
    since: Date;
    until: Date;
    limit: number;
  }): Promise<OrderSnapshot[]> {
    return await this.reading(async (reader) => {
      const orderIds = await reader.cancelledIn(period);
      const orders = await reader.rowsOf(orderIds);
      return orderIds.flatMap((orderId) => {
        const rows = orders.get(orderId);
        return rows === undefined ? [] : [buildSnapshot(this.settings.profile, rows)];
      });
    });
  }

  async capabilities(orderId: string): Promise<Capability> {
    const { profile } = this.settings;
    const capability = judgeCapability(profile, await this.readRows(orderId));
    if (capability.way !== 'reopen') return capability;
    const [row] = await this.guarded(() => this.connections.query(unmappedColumns(profile)));
    const found = row?.['found'] ?? null;
    return found === null ? capability : { way: 'person', ...unmappedRefusal(found) };
  }

  async currentPosition(): Promise<ShopPosition> {
    const [row] = await this.guarded(() =>
      this.connections.query({
        text: `SELECT pg_current_wal_lsn()::text AS lsn, ${identityColumns}`,
        values: [],
      }),
    );
    return { lsn: row?.['lsn'] ?? '', incarnation: incarnationOf(row) };
  }

  async readCounters(
    rows: readonly { table: string; key: RowKey }[],
  ): Promise<(RowImage | null)[]> {
    return await this.reading(async (reader) => {
      const images: (RowImage | null)[] = [];
      for (const { table, key } of rows) images.push((await reader.row(table, key)) ?? null);
      return images;
    });
  }

  async restore(item: RestoreItem, noteTransaction: NoteTransaction): Promise<RestoreOutcome> {
    const { settings } = this;
    const denied = await this.whyNotToWrite();
    if (denied !== undefined)
      return { outcome: 'failed', reason: 'permission-denied', retry: false, detail: denied };
    const fault = itemFault(settings.profile, item);
    if (fault !== undefined) return fault;
    const steps = await this.steps(item);
    if ('outcome' in steps) return steps;
    const outcome = await runRestore(() => this.connections.write(), {
      steps,
      noteTransaction,
      timeouts: this.timeouts(),
      counters: counterTables(settings.profile),
      flushElsewhere: () => this.connections.flush(),
    });
    if (outcome.outcome === 'failed') this.types = undefined;
    return outcome;
  }

  async outcomeOf(transaction: {
    transactionId: number;
    incarnation: string;
  }): Promise<'committed' | 'aborted' | 'in-progress' | 'unknown'> {
    const { incarnation } = await this.currentPosition();
    // in another history of the server the same id belongs to another transaction
    if (!isSameServer({ one: incarnation, other: transaction.incarnation })) return 'unknown';
    return await this.transactionStatus(transaction.transactionId);
  }

  async verify(item: RestoreItem): Promise<readonly string[]> {
    return await this.guarded(async () => {
      const looks = readBack(await this.context(), item);
      const answers = await this.connections.answers(looks.map(({ statement }) => statement));
      return looks.flatMap(({ judge }, index) => judge(answers[index] ?? []));
    });
  }

  async renderSql(items: readonly RestoreItem[]): Promise<string> {
    const context = await this.guarded(() => this.context());
    const { profile } = this.settings;
    const parts = items.map((item) => ({
      item,
      steps: this.stepsOf(context, item).flat(),
    }));
    return restoreScript(parts, [
      `Reinstate: ${items.length} orders of a shop with the profile ${profile.profile} (${profile.title}).`,
      'Run it with psql, as a role that may write the tables named below. Each order is one transaction;',
      'the script stops at the first one that cannot be restored, and says why.',
    ]);
  }

  async close(): Promise<void> {
    await this.connections.close();
  }

  private async whyNotToWrite(): Promise<string | undefined> {
    if (this.settings.writeUrl === undefined) return 'the shop has no write credential';
    return (await this.settings.mayWrite()) ? undefined : 'the shop is not armed, or is stopped';
  }

  private async steps(item: RestoreItem): Promise<RestoreStep[][] | RestoreOutcome> {
    try {
      return this.stepsOf(await this.context(), item);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (error instanceof Fault)
        return { outcome: 'failed', reason: 'shop-error', retry: false, detail: error.message };
      const problem = problemOf(error, { title: 'read the shop’s columns', counters: [] });
      return problem.outcome === 'failed'
        ? { ...problem, retry: canRetry(problem.reason) }
        : problem;
    }
  }

  private async transactionStatus(
    transactionId: number,
  ): Promise<'committed' | 'aborted' | 'in-progress' | 'unknown'> {
    try {
      const [row] = await this.connections.query({
        text: 'SELECT pg_xact_status($1::text::xid8) AS status',
        values: [String(transactionId)],
      });
      const status = row?.['status'] ?? null;
      if (status === 'committed' || status === 'aborted') return status;
      return status === 'in progress' ? 'in-progress' : 'unknown';
    } catch (error) {
      // the server has not given out this id yet: it was set back to an earlier time
      if ((error as { code?: unknown }).code === '22023') return 'unknown';
      return await this.guarded(() => Promise.reject(error as Error));
    }
  }

  private async reading<T>(work: (reader: OrderReader) => Promise<T>): Promise<T> {
    return await this.guarded(async () => {
      const { types } = await this.context();
      return await this.connections.inTransaction((query) =>
        work(new OrderReader(this.settings.profile, types, query)),
      );
    });
  }

  /** What the shop's database throws becomes a fault that names no value. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.types = undefined;
      if (error instanceof Fault || error instanceof AssertionError) throw error;
      const { reason, detail } = problemOf(error, { title: 'read', counters: [] });
      throw new Fault('unavailable', `shop-${reason}`, `the shop's database: ${detail}`);
    }
  }

  /** Types are looked up once, and again after something went wrong: the shop may have changed its tables. */
  private async context(): Promise<RestoreContext> {
    const { profile } = this.settings;
    this.types ??= readColumnTypes(this.connections, Object.keys(profile.tables));
    try {
      return { profile, types: await this.types };
    } catch (error) {
      this.types = undefined;
      throw error;
    }
  }

  private stepsOf(context: RestoreContext, item: RestoreItem): RestoreStep[][] {
    const marker = this.settings.markerOf(item);
    return restoreSteps(context, { item, marker, timeouts: this.timeouts() });
  }

  private timeouts() {
    const { lockTimeoutMs, statementTimeoutMs, transactionTimeoutMs } = this.settings;
    return {
      lockMs: lockTimeoutMs,
      statementMs: statementTimeoutMs,
      transactionMs: transactionTimeoutMs,
    };
  }
}

/** A key or number that does not fit its column's type names nothing that exists. */
async function unlessMistyped<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNoSuchValue(error)) return undefined;
    throw error;
  }
}

function counterTables(profile: Profile): string[] {
  return Object.entries(profile.tables)
    .filter(([, mapping]) => mapping.order === 'shared')
    .map(([table]) => table);
}
