import type { Database, Reader } from './database.js';

/**
 * Reads in a transaction that can write nothing, each statement of which the server gives up by itself
 * after `limitMs`.
 */
export async function readBriefly<T>(
  database: Database,
  limitMs: number,
  work: (reader: Reader) => Promise<T>,
): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('transaction_read_only', 'on', true)`,
      [String(limitMs)],
    );
    return work(transaction);
  });
}
