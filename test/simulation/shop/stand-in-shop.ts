import { lsnText } from '../../../src/intake/replication/source/lsn.js';
import type { SourceChange } from '../../../src/intake/replication/source/pgoutput.js';
import type { SourceTransaction } from '../../../src/intake/replication/source/source-transaction.js';
import { present } from '../../../src/platform/assert.js';
import type { Clock } from '../../../src/platform/clock.js';
import type { Profile } from '../../../src/shops/profile.js';

/** A row as PostgreSQL prints it: column name to text. */
export type Row = Readonly<Record<string, string | null>>;

/** A committed transaction as the shop's log has it, and whose it was. */
export interface Committed extends SourceTransaction {
  /** Reinstate's, or the shop's own software's */
  readonly by: 'reinstate' | 'shop';
}

/** Each table of the stand-in has a key of one column. */
type Tables = ReadonlyMap<string, Map<string, Row>>;

const firstLsn = 0x100_0000n;
const lsnStep = 0x100n;
const commitBytes = 0x30n;

/**
 * A shop in memory: tables of rows, transactions that are whole or not at all, and a log of what was
 * committed, as logical replication would send it. It knows nothing of faults; those are its adapter's.
 */
export class StandInShop {
  readonly incarnation = '7000000000000000001/1/1';
  readonly log: Committed[] = [];
  /** transactions of Reinstate's that were begun and not ended, by id */
  readonly held = new Map<number, HeldTransaction>();
  private readonly tables: Tables;
  private readonly aborted = new Set<number>();
  private readonly counters = new Map<string, number>();
  private lastTransactionId = 1000;
  private lastLsn = firstLsn;

  constructor(
    readonly profile: Profile,
    private readonly clock: Clock,
  ) {
    this.tables = new Map(Object.keys(profile.tables).map((table) => [table, new Map()]));
  }

  /** Where the log ends now. */
  get position(): string {
    return lsnText(this.lastLsn);
  }

  static get beginning(): string {
    return lsnText(firstLsn);
  }

  keyColumn(table: string): string {
    return present(this.profile.tables[table]?.key[0], `${table} is mapped with a key`);
  }

  row(table: string, key: string): Row | undefined {
    return this.rowsOf(table).get(key);
  }

  rowsOf(table: string): Map<string, Row> {
    return present(this.tables.get(table), `the shop has a table ${table}`);
  }

  /** The present moment as PostgreSQL prints it. */
  now(): string {
    return `${this.clock.now().toISOString().replace('T', ' ').replace('Z', '')}+00`;
  }

  /** The next value of a sequence. */
  next(sequence: string): string {
    const value = (this.counters.get(sequence) ?? 0) + 1;
    this.counters.set(sequence, value);
    return String(value);
  }

  begin(): ShopTransaction {
    return new ShopTransaction(this);
  }

  /** Does some work of the shop's own software in one transaction; false where it waits for a lock of Reinstate's. */
  change(work: (transaction: ShopTransaction) => void): boolean {
    const transaction = this.begin();
    work(transaction);
    if (this.isLocked(transaction)) return false;
    this.commit(transaction, { by: 'shop', transactionId: this.newTransactionId() });
    return true;
  }

  /** Whether a transaction that has not ended holds a row that this one changes. */
  isLocked(transaction: ShopTransaction): boolean {
    const names = transaction.net().map(({ table, key }) => `${table} ${key}`);
    return [...this.held.values()].some(({ rows }) => names.some((name) => rows.has(name)));
  }

  /** Ends transactions that have stood idle for too long, as the server does. */
  endIdle(idleMsMax: number): void {
    const now = this.clock.now().getTime();
    for (const [transactionId, { since }] of this.held) {
      if (now - since.getTime() < idleMsMax) continue;
      this.held.delete(transactionId);
      this.abort(transactionId);
    }
  }

  newTransactionId(): number {
    return (this.lastTransactionId += 1);
  }

  commit(
    transaction: ShopTransaction,
    given: Pick<Committed, 'by' | 'transactionId'> & { messages?: Committed['messages'] },
  ): Committed {
    for (const { table, key, after } of transaction.net())
      if (after === null) this.rowsOf(table).delete(key);
      else this.rowsOf(table).set(key, after);
    this.lastLsn += lsnStep;
    const committed = {
      commitLsn: lsnText(this.lastLsn - commitBytes),
      endLsn: lsnText(this.lastLsn),
      transactionId: given.transactionId,
      committedAt: this.clock.now().toISOString().replace('Z', '000Z'),
      changes: transaction.changes,
      messages: given.messages ?? [],
      by: given.by,
    };
    this.log.push(committed);
    return committed;
  }

  abort(transactionId: number): void {
    this.aborted.add(transactionId);
  }

  /** What the server would say of a transaction's id. */
  statusOf(transactionId: number): 'committed' | 'aborted' | 'in-progress' | 'unknown' {
    if (this.held.has(transactionId)) return 'in-progress';
    if (this.log.some((one) => one.transactionId === transactionId)) return 'committed';
    return this.aborted.has(transactionId) ? 'aborted' : 'unknown';
  }

  /** The order that a row of a table belongs to; undefined for a shared one. */
  orderOf(table: string, row: Row): string | undefined {
    const mapping = present(this.profile.tables[table], `${table} is mapped`);
    if (mapping.order === 'shared') return undefined;
    const value = row[mapping.order.column] ?? '';
    if (mapping.order.parent === undefined) return value;
    const parent = this.row(mapping.order.parent, value);
    return parent === undefined ? undefined : this.orderOf(mapping.order.parent, parent);
  }

  /** All rows of an order, by table; undefined where there is no such order. */
  orderRows(orderId: string): Map<string, Row[]> | undefined {
    if (this.row(this.profile.order.table, orderId) === undefined) return undefined;
    const own = new Map<string, Row[]>();
    for (const [table, rows] of this.tables) {
      const found = [...rows.values()].filter((row) => this.orderOf(table, row) === orderId);
      if (found.length > 0) own.set(table, found);
    }
    return own;
  }
}

/** A transaction of Reinstate's that holds its locks while something of ours is waited for. */
export interface HeldTransaction {
  readonly orderId: string;
  /** whose process has it open */
  readonly process: string;
  /** what it has locked, by table and key */
  readonly rows: ReadonlySet<string>;
  readonly since: Date;
}

interface Net {
  readonly table: string;
  readonly key: string;
  readonly after: Row | null;
}

/** Changes that are not yet anybody's: the shop has them at the commit, or never. */
export class ShopTransaction {
  readonly changes: SourceChange[] = [];
  private readonly staged = new Map<string, Net>();

  constructor(private readonly shop: StandInShop) {}

  net(): Net[] {
    return [...this.staged.values()];
  }

  row(table: string, key: string): Row | undefined {
    const staged = this.staged.get(`${table} ${key}`);
    return staged === undefined ? this.shop.row(table, key) : (staged.after ?? undefined);
  }

  /** The table's rows as this transaction sees them. */
  rows(table: string): Row[] {
    const own = this.net().filter((one) => one.table === table);
    const touched = new Set(own.map(({ key }) => key));
    const others = [...this.shop.rowsOf(table)].filter(([key]) => !touched.has(key));
    return [
      ...others.map(([, row]) => row),
      ...own.flatMap(({ after }) => (after === null ? [] : [after])),
    ];
  }

  insert(table: string, given: Row): void {
    const row = this.whole(table, given);
    const key = this.stage(table, row, row);
    if (key === undefined) return;
    this.changes.push({
      kind: 'insert',
      relation: this.relation(table),
      after: this.tuple(table, row),
    });
  }

  update(table: string, key: string, to: Row): void {
    const before = present(this.row(table, key), `${table} ${key} is there to be changed`);
    const after = { ...before, ...to };
    this.stage(table, after, after);
    this.changes.push({
      kind: 'update',
      relation: this.relation(table),
      before: { whole: true, values: this.tuple(table, before) },
      after: this.tuple(table, after),
    });
  }

  delete(table: string, key: string): void {
    const before = present(this.row(table, key), `${table} ${key} is there to be deleted`);
    this.stage(table, before, null);
    const old = { whole: true, values: this.tuple(table, before) };
    this.changes.push({ kind: 'delete', relation: this.relation(table), before: old });
  }

  private stage(table: string, row: Row, after: Row | null): string | undefined {
    const key = row[this.shop.keyColumn(table)] ?? undefined;
    if (key !== undefined) this.staged.set(`${table} ${key}`, { table, key, after });
    return key;
  }

  private whole(table: string, given: Row): Row {
    return Object.fromEntries(this.columns(table).map((column) => [column, given[column] ?? null]));
  }

  private columns(table: string): string[] {
    return Object.keys(present(this.shop.profile.tables[table], `${table} is mapped`).columns);
  }

  private relation(table: string): { table: string; columns: string[] } {
    return { table, columns: this.columns(table) };
  }

  private tuple(table: string, row: Row): (string | null)[] {
    return this.columns(table).map((column) => row[column] ?? null);
  }
}
