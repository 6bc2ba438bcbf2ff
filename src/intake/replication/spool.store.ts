import { Injectable } from '@nestjs/common';
import type { SealedValue } from '../../orders/row-change.js';
import type { Reader, Transaction } from '../../platform/database/database.js';

/** A transaction that waits to be interpreted. */
export interface SpooledRow {
  readonly endLsn: string;
  readonly sealed: SealedValue;
}

/** Which part of which transaction. */
export interface PartName {
  readonly shopId: string;
  readonly commitLsn: string;
  readonly number: number;
}

/** Whole transactions that did not fit the profile, and parts of those that are too big for memory. */
@Injectable()
export class SpoolStore {
  /** How much waits to be journalled, in bytes. */
  async spooled(reader: Reader, shopId: string): Promise<number> {
    const row = await reader.queryOne<{ bytes: number }>(
      'SELECT spooled_bytes AS bytes FROM replication_stream WHERE shop_id = $1',
      [shopId],
    );
    return row?.bytes ?? 0;
  }

  /** Counts what waits to be journalled. */
  async addSpooled(
    transaction: Transaction,
    { shopId, bytes }: { shopId: string; bytes: number },
  ): Promise<void> {
    if (bytes === 0) return;
    await transaction.query(
      'UPDATE replication_stream SET spooled_bytes = greatest(0, spooled_bytes + $2) WHERE shop_id = $1',
      [shopId, bytes],
    );
  }

  /** Keeps transactions as they came, sealed; ones that are kept already are passed over. Gives their size. */
  async keep(
    transaction: Transaction,
    given: { shopId: string; rows: readonly SpooledRow[]; now: Date },
  ): Promise<number> {
    const row = await transaction.queryOne<{ bytes: number }>(
      `WITH kept AS (
         INSERT INTO replication_spool (shop_id, end_lsn, transaction, created_at)
         SELECT $1, end_lsn, sealed, $4 FROM unnest($2::pg_lsn[], $3::jsonb[]) AS given(end_lsn, sealed)
         ON CONFLICT DO NOTHING RETURNING octet_length(transaction::text) AS bytes)
       SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM kept`,
      [
        given.shopId,
        given.rows.map(({ endLsn }) => endLsn),
        given.rows.map(({ sealed }) => JSON.stringify(sealed)),
        given.now,
      ],
    );
    return row?.bytes ?? 0;
  }

  /** The oldest transactions that wait to be interpreted: at least one, and as many as the limits allow. */
  async oldest(
    reader: Reader,
    shopId: string,
    most: { transactions: number; bytes: number },
  ): Promise<SpooledRow[]> {
    return reader.query<SpooledRow>(
      `SELECT end_lsn::text AS "endLsn", transaction AS sealed FROM (
         SELECT end_lsn, transaction, row_number() OVER before AS number,
           sum(pg_column_size(transaction)) OVER before AS bytes
         FROM (SELECT * FROM replication_spool WHERE shop_id = $1 ORDER BY end_lsn LIMIT $2) oldest
         WINDOW before AS (ORDER BY end_lsn)) measured
       WHERE number = 1 OR bytes <= $3 ORDER BY end_lsn`,
      [shopId, most.transactions, most.bytes],
    );
  }

  /** Forgets spooled transactions up to a position (null: all of them); gives how many there were, and their size. */
  async forget(
    transaction: Transaction,
    shopId: string,
    upTo: string | null,
  ): Promise<{ count: number; bytes: number }> {
    const row = await transaction.queryOne<{ count: number; bytes: number }>(
      `WITH gone AS (
         DELETE FROM replication_spool
         WHERE shop_id = $1 AND ($2::pg_lsn IS NULL OR end_lsn <= $2::pg_lsn)
         RETURNING octet_length(transaction::text) AS bytes)
       SELECT count(*)::int AS count, coalesce(sum(bytes), 0)::bigint AS bytes FROM gone`,
      [shopId, upTo],
    );
    return row ?? { count: 0, bytes: 0 };
  }

  /** Keeps a part, in place of what an earlier delivery of it has left; gives by how much that grew, in bytes. */
  async keepPart(
    transaction: Transaction,
    given: PartName & { sealed: SealedValue; now: Date },
  ): Promise<number> {
    const { shopId, commitLsn, number, now } = given;
    const changes = JSON.stringify(given.sealed);
    const before = await transaction.queryOne<{ bytes: number }>(
      `SELECT bytes FROM replication_part WHERE shop_id = $1 AND commit_lsn = $2::pg_lsn AND number = $3`,
      [shopId, commitLsn, number],
    );
    await transaction.query(
      `INSERT INTO replication_part (shop_id, commit_lsn, number, changes, bytes, created_at)
       VALUES ($1, $2::pg_lsn, $3, $4::jsonb, $5, $6)
       ON CONFLICT (shop_id, commit_lsn, number) DO UPDATE
         SET changes = excluded.changes, bytes = excluded.bytes, created_at = excluded.created_at`,
      [shopId, commitLsn, number, changes, changes.length, now],
    );
    return changes.length - (before?.bytes ?? 0);
  }

  async readPart(
    reader: Reader,
    { shopId, commitLsn, number }: PartName,
  ): Promise<SealedValue | undefined> {
    const row = await reader.queryOne<{ changes: SealedValue }>(
      `SELECT changes FROM replication_part WHERE shop_id = $1 AND commit_lsn = $2::pg_lsn AND number = $3`,
      [shopId, commitLsn, number],
    );
    return row?.changes;
  }

  /** Forgets the parts of transactions that committed up to a position (null: all); gives their size in bytes. */
  async forgetParts(
    transaction: Transaction,
    shopId: string,
    upTo: string | null,
  ): Promise<number> {
    const row = await transaction.queryOne<{ bytes: number }>(
      `WITH gone AS (
         DELETE FROM replication_part WHERE shop_id = $1 AND ($2::pg_lsn IS NULL OR commit_lsn <= $2::pg_lsn)
         RETURNING bytes)
       SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM gone`,
      [shopId, upTo],
    );
    return row?.bytes ?? 0;
  }
}
