import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource, QueryRunner } from 'typeorm';

/** The process is no more: whatever it had begun comes to nothing. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';

  constructor() {
    super('the simulated process died');
  }
}

/** Our own database was away for one statement; the process goes on. */
export class DatabaseHiccup extends Error {
  override readonly name = 'DatabaseHiccup';
  /** as the driver has it for a server that is shutting down */
  readonly code = '57P01';

  constructor() {
    super('terminating connection due to administrator command');
  }
}

/** What befalls a process at one of its next statements. */
export interface Strike {
  readonly way: 'die' | 'hiccup';
  /** so many statements go through before */
  readonly after: number;
  /** the struck statement still reaches the database, and only its answer is lost */
  readonly isDone: boolean;
}

/** What changes nothing that a checker looks at. */
const onlyReads = /^\s*(SELECT|START|COMMIT|INSERT INTO work_lease)\b/;

/**
 * The thread that a simulated process hangs by: each statement to our own database passes here, and one
 * that is drawn is the last, or fails.
 */
export class Life {
  isDead = false;
  /** how many statements of this process may have changed something, leases aside */
  changes = 0;
  private strike: Strike | undefined;
  private left = 0;
  /** whose turn it is: work side by side comes in one order, transaction by transaction */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly inTransaction = new AsyncLocalStorage<true>();
  private readonly counted = new AsyncLocalStorage<{ statements: number }>();

  /** Draws what befalls the process next; nothing where there is no strike. */
  await(strike: Strike | undefined): void {
    this.strike = strike;
    this.left = strike?.after ?? 0;
  }

  /** Whether what was drawn has happened. */
  get isStruck(): boolean {
    return this.strike === undefined;
  }

  end(): never {
    this.isDead = true;
    throw new ProcessDied();
  }

  /** Lets a process of the same name begin anew. */
  begin(): void {
    this.isDead = false;
    this.strike = undefined;
  }

  /** How many statements this work makes, whatever else goes on. */
  async count(work: () => Promise<unknown>): Promise<number> {
    const count = { statements: 0 };
    await this.counted.run(count, work);
    return count.statements;
  }

  async pass<T>(statement: string, run: () => Promise<T>): Promise<T> {
    // a server rolls back what a dead client had open
    if (statement === 'ROLLBACK') return run();
    if (this.isDead) throw new ProcessDied();
    const count = this.counted.getStore();
    if (count !== undefined) count.statements += 1;
    if (!onlyReads.test(statement)) this.changes += 1;
    const { strike } = this;
    if (strike === undefined) return run();
    this.left -= 1;
    if (this.left >= 0) return run();
    this.strike = undefined;
    if (strike.isDone) await run();
    if (strike.way === 'die') this.end();
    throw new DatabaseHiccup();
  }

  /** Leads every statement of these connections past here. */
  watch(dataSource: DataSource): void {
    const create = dataSource.createQueryRunner.bind(dataSource);
    dataSource.createQueryRunner = (...given) => this.guarded(create(...given));
    const transaction = dataSource.transaction.bind(dataSource) as (
      ...given: unknown[]
    ) => Promise<unknown>;
    dataSource.transaction = (...given: unknown[]) =>
      this.inTurn(() => this.inTransaction.run(true, () => transaction(...given)));
  }

  /** One thing after the other, in the order in which they are asked for; what a transaction asks beside itself is part of it. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.inTransaction.getStore() === true) return work();
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private guarded(runner: QueryRunner): QueryRunner {
    const query = runner.query.bind(runner) as (...given: unknown[]) => Promise<unknown>;
    runner.query = ((...given: unknown[]) =>
      this.inTurn(() =>
        this.pass(String(given[0]), () => query(...given)),
      )) as QueryRunner['query'];
    return runner;
  }
}
