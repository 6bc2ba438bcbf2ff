import { DataSource, EntityManager } from 'typeorm';

/** Rows as the driver gives them: timestamptz as Date, bigint as number, jsonb parsed, numeric as string. */
export type Row = Record<string, unknown>;

/**
 * One open transaction on our own database. Stores take it as their first argument, so that what
 * belongs together (a state change and its timeline entry) commits together.
 */
export class Transaction {
  constructor(readonly manager: EntityManager) {}

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
}

/** Reinstate's own PostgreSQL, used as the runtime role. */
export class Database {
  constructor(readonly dataSource: DataSource) {}

  /** Runs `work` in one READ COMMITTED transaction; whatever it throws rolls everything back. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.dataSource.transaction((manager) => work(new Transaction(manager)));
  }

  /** One statement outside a transaction; for reads. */
  async query<T extends object = Row>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T[]> {
    return new Transaction(this.dataSource.manager).query<T>(sql, parameters);
  }

  async queryOne<T extends object = Row>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T | undefined> {
    return (await this.query<T>(sql, parameters))[0];
  }
}

/** What a store needs to read: either of the two above. */
export type Reader = Pick<Database, 'query' | 'queryOne'>;

/** TypeORM's PostgreSQL driver answers UPDATE and DELETE with [rows, count], everything else with rows. */
function rowsOf<T>(answer: unknown): T[] {
  if (!Array.isArray(answer)) return [];
  const isRowsAndCount =
    answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (isRowsAndCount ? answer[0] : answer) as T[];
}
