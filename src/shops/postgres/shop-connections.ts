import pg from 'pg';
import { pinnedOptions } from '../../platform/database/connect.js';
import { flushPrefix } from '../restore-marker.js';
import type { Statement } from './sql-text.js';
import { forgetsNames, knowsEnough, sendTogether, type Answer } from './statement-batch.js';

/** A row with every value as PostgreSQL's own text: the form in which the journal holds them too. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Runs one statement and gives its rows. */
export type Query = (statement: Statement) => Promise<TextRow[]>;

/** The shop, read-only. */
export interface ReadSession {
  query: Query;
  /** Several reads that see the shop at one moment. */
  inTransaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}

/** No value is parsed: JavaScript would lose microseconds, big numbers and duplicate JSON keys. */
const textTypes = { getTypeParser: () => (value: string) => value };

/** Commits, on the server's own disk, a transaction that changes nothing. */
const flushSql = `SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, '${flushPrefix}', '')`;

const readTimeoutMs = 15_000;

const beginReading = { text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', values: [] };
const endReading = { text: 'ROLLBACK', values: [] };
/** Ends a session of which the network cuts off a part of what was sent together; servers before 17 have no such bound. */
const boundSql = `SELECT set_config('transaction_timeout', '${2 * readTimeoutMs}ms', false)
  WHERE current_setting('transaction_timeout', true) IS NOT NULL`;
/** A server that does not answer is found out this much later than a statement that takes too long. */
export const silenceMs = 2_000;

export interface ConnectionSettings {
  readonly readUrl: string;
  readonly writeUrl: string | undefined;
  readonly writeConnections: number;
  readonly statementTimeoutMs: number;
}

/**
 * The connections to one shop's database. The read pool cannot write; the write pool is not opened
 * before it is first asked for.
 */
export class ShopConnections implements ReadSession {
  private readonly reading: pg.Pool;
  private writing: pg.Pool | undefined;
  private flushing: pg.Pool | undefined;

  constructor(private readonly settings: ConnectionSettings) {
    this.reading = openPool({
      connectionString: settings.readUrl,
      application_name: 'reinstate-read',
      max: 4,
      options: pinnedOptions({
        default_transaction_read_only: 'on',
        statement_timeout: String(readTimeoutMs),
        idle_in_transaction_session_timeout: String(2 * readTimeoutMs),
      }),
      query_timeout: readTimeoutMs + silenceMs,
      verify: (client, done) => {
        client.query(boundSql).then(() => done(), done);
      },
    });
  }

  async query(statement: Statement): Promise<TextRow[]> {
    return await run(this.reading, statement);
  }

  async inTransaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.reading.connect();
    let broken = true;
    try {
      await client.query(beginReading.text);
      try {
        return await work((statement) => run(client, statement));
      } finally {
        await client.query('ROLLBACK');
        broken = false;
      }
    } finally {
      // a session that could not even roll back is not used again
      client.release(broken);
    }
  }

  /** Several reads that see the shop at one moment, sent together. */
  async answers(statements: readonly Statement[]): Promise<readonly Answer[]> {
    const client = await this.reading.connect();
    let broken = true;
    try {
      const read = async () => {
        const { answers, failure } = await sendTogether(
          client,
          [beginReading, ...statements, endReading],
          { timeoutMs: readTimeoutMs + silenceMs },
        );
        if (failure !== undefined) await client.query('ROLLBACK');
        return { answers: answers.slice(1, -1), failure };
      };
      let { answers, failure } = await read();
      if (forgetsNames(client, failure)) ({ answers, failure } = await read());
      broken = false;
      if (failure !== undefined) throw failure as Error;
      return answers;
    } finally {
      client.release(broken || knowsEnough(client));
    }
  }

  /** A session of the write role. It is opened as the role has it: what a restore pins, it pins itself. */
  async write(): Promise<pg.PoolClient> {
    this.writing ??= this.openWriting(this.settings.writeConnections);
    return await this.writing.connect();
  }

  /**
   * Has the server write to disk all that it has logged so far. In a session apart: those that restore may all
   * be taken by who waits for this.
   */
  async flush(): Promise<void> {
    this.flushing ??= this.openWriting(1);
    await this.flushing.query(flushSql);
  }

  async close(): Promise<void> {
    await Promise.all([this.reading.end(), this.writing?.end(), this.flushing?.end()]);
  }

  private openWriting(max: number): pg.Pool {
    const { writeUrl, statementTimeoutMs } = this.settings;
    return openPool({
      connectionString: writeUrl,
      application_name: 'reinstate-write',
      max,
      query_timeout: statementTimeoutMs + silenceMs,
    });
  }
}

function openPool(options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types: textTypes,
    ...options,
  });
  // A connection that the server ends while nothing is asked of it says so by an event, which would end
  // this process if nobody listened; whoever uses the connection next is told by its query's failure.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

async function run(on: pg.Pool | pg.PoolClient, statement: Statement): Promise<TextRow[]> {
  const result = await on.query<TextRow>(statement.text, [...statement.values]);
  return result.rows;
}
