import { AsyncLocalStorage } from 'node:async_hooks';
import {
  DataSource,
  EntityManager,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { assert } from '../assert.js';
import { Fault } from '../errors.js';
import { plainRepository, type EntityClass, type PlainRepository } from './entity.js';

/** Rows as the driver gives them: timestamptz as Date, bigint as number, jsonb parsed, numeric as string. */
export type Row = Record<string, unknown>;

/**
 * One open transaction on our own database. Stores take it as their first argument, so that what
 * belongs together (a state change and its timeline entry) commits together.
 */
export class Transaction {
  private readonly afterwards: (() => void)[] = [];

  constructor(readonly manager: EntityManager) {}

  /**
   * Does something once what was written here is committed, and not where it is rolled back: for logs,
   * metrics and wakes alone, since the process may die in between. It must not throw.
   */
  afterCommit(work: () => void): void {
    this.afterwards.push(work);
  }

  /** Called by whoever has committed it. */
  committed(): void {
    for (const work of this.afterwards.splice(0)) work();
  }

  /** Runs one statement and gives the rows it returned (also those of INSERT/UPDATE/DELETE ... RETURNING). */
  async query<T extends object = Row>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T[]> {
    return rowsOf(await this.manager.query<unknown>(sql, [...parameters]));
  }

  /** The only row, or undefined where there is none. */
  async queryOne<T extends object = Row>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T | undefined> {
    return (await this.query<T>(sql, parameters))[0];
  }

  /** A plain table's rows, within this transaction. */
  repository<Entity extends object>(entity: EntityClass<Entity>): PlainRepository<Entity> {
    return plainRepository(this.manager, entity);
  }
}

/**
 * Reinstate's own PostgreSQL, used as the runtime role. Within a transaction it must not be asked: that would
 * hold one connection while it waits for another, and as many at once as the pool has would wait for each other.
 */
export class Database {
  private readonly open = new AsyncLocalStorage<{ isOpen: boolean }>();

  constructor(readonly dataSource: DataSource) {}

  /**
   * Runs `work` in one READ COMMITTED transaction; whatever it throws rolls everything back. `work` must wait
   * for nothing but this database: a transaction in which we are silent for seconds is ended by the server.
   * @throws Fault `transaction-lost` where the server has ended it: nothing of it is written
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    this.assertOutside();
    const one = { isOpen: true };
    const { transaction, result } = await this.open
      .run(one, () =>
        this.dataSource.transaction(async (manager) => {
          const transaction = new Transaction(manager);
          return { transaction, result: await work(transaction) };
        }),
      )
      .catch((error: unknown) => {
        throw isSessionGone(error) ? transactionLost() : error;
      })
      .finally(() => (one.isOpen = false));
    transaction.committed();
    return result;
  }

  /** One statement outside a transaction; for reads. */
  async query<T extends object = Row>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T[]> {
    this.assertOutside();
    return new Transaction(this.dataSource.manager).query<T>(sql, parameters);
  }

  async queryOne<T extends object = Row>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T | undefined> {
    return (await this.query<T>(sql, parameters))[0];
  }

  /** A plain table's rows, each statement on its own. */
  repository<Entity extends object>(entity: EntityClass<Entity>): PlainRepository<Entity> {
    this.assertOutside();
    return plainRepository(this.dataSource.manager, entity);
  }

  /** What a transaction has set going, and not waited for, may come here once it has ended. */
  private assertOutside(): void {
    assert(
      this.open.getStore()?.isOpen !== true,
      'a transaction is open here: read by it, or before it begins',
    );
  }
}

/** What a store needs to read: either of the two above. */
export type Reader = Pick<Database, 'query' | 'queryOne' | 'repository'>;

/** The driver has given up the session: it broke, or the server ended it, between two statements. */
function isSessionGone(error: unknown): boolean {
  return (
    error instanceof QueryRunnerAlreadyReleasedError ||
    error instanceof QueryRunnerProviderAlreadyReleasedError
  );
}

function transactionLost(): Fault {
  return new Fault(
    'unavailable',
    'transaction-lost',
    'the database ended this transaction before its commit, so that nothing of it is written; try again',
  );
}

/** TypeORM's PostgreSQL driver answers UPDATE and DELETE with [rows, count], everything else with rows. */
function rowsOf<T>(answer: unknown): T[] {
  if (!Array.isArray(answer)) return [];
  const isRowsAndCount =
    answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (isRowsAndCount ? answer[0] : answer) as T[];
}
