import type { Pool, PoolClient } from 'pg';

/** A connection inside an open transaction. */
export type Transaction = PoolClient;

/** What a shop action answers: done, or refused for an expected reason with nothing written. */
export type Outcome<T = object> = ({ done: true } & T) | { done: false; reason: Refusal };

export type Refusal =
  | 'no_such_order'
  | 'wrong_status'
  | 'out_of_stock'
  | 'stock_not_allocated'
  | 'nothing_to_reduce'
  | 'no_money_held';

export function refused(reason: Refusal): { done: false; reason: Refusal } {
  return { done: false, reason };
}

/** Runs `act` in one transaction: committed when it answers, rolled back when it throws. */
export async function inTransaction<T>(
  pool: Pool,
  act: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const answer = await act(client);
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    broken = await rollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The error that makes the connection unusable, if the rollback itself failed. */
async function rollBack(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query('ROLLBACK');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
