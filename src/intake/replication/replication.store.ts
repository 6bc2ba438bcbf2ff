import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import { present } from '../../platform/assert.js';
import type { LastWritten } from './source/history-check.js';
import { ToldFailure } from './source/shop-problem.js';
import { slotNameOf, type StreamRow, type StreamState, type Unseen } from './stream-state.js';

const columns = `shop_id AS "shopId", state, slot_name AS "slotName", publication_name AS "publicationName",
  slot_generation AS "slotGeneration", incarnation, confirmed_lsn::text AS "confirmedLsn",
  snapshot_lsn::text AS "snapshotLsn", snapshot_rows AS "snapshotRows", mapping_hash AS "mappingHash", identities, gap,
  unseen_tables AS "unseenTables", published_at AS "publishedAt", publication_oid AS "publicationOid",
  publication_members AS "publicationMembers", table_columns AS "tableColumns", spooled_bytes AS "spooledBytes",
  attached_at AS "attachedAt", last_message_at AS "lastMessageAt",
  watched_since AS "watchedSince", seen_until AS "seenUntil",
  last_written AS "lastWritten", problem`;

/** The lease of the process that follows a shop. */
export function leaseNameOf(shopId: string): string {
  return `replication:${shopId}`;
}

/** Nothing was written: the shop's stream is another one by now (detached, begun anew), or another process's. */
export class StreamReplaced extends ToldFailure {
  override readonly name = 'StreamReplaced';
}

/** Without these, the planner has rows looked up by an index; what is compiled never pays off for such statements. */
const plansForSmallTables = [
  ...['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin'],
  ...['enable_material', 'jit'],
];

/** The rows that say how far each shop was journalled. */
@Injectable()
export class ReplicationStore {
  async read(reader: Reader, shopId: string): Promise<StreamRow | undefined> {
    return reader.queryOne<StreamRow>(
      `SELECT ${columns} FROM replication_stream WHERE shop_id = $1`,
      [shopId],
    );
  }

  /** When a shop that tells of its orders by HTTP last did so; null where it never has. */
  async toldAt(reader: Reader, shopId: string): Promise<Date | null> {
    const row = await reader.queryOne<{ at: Date }>(
      'SELECT received_at AS at FROM order_event_stream WHERE shop_id = $1',
      [shopId],
    );
    return row?.at ?? null;
  }

  /** All shops that are attached, configured or not. */
  async attached(reader: Reader): Promise<Pick<StreamRow, 'shopId' | 'slotName'>[]> {
    return reader.query(
      `SELECT shop_id AS "shopId", slot_name AS "slotName" FROM replication_stream
       WHERE state <> 'detached' ORDER BY shop_id`,
    );
  }

  /** Tells this installation of Reinstate from any other: six hexadecimal digits. */
  async installation(reader: Reader): Promise<string> {
    const row = await reader.queryOne<{ name: string }>(
      `SELECT substr(md5(system_identifier::text || ' ' || current_database()), 1, 6) AS name
       FROM pg_control_system()`,
    );
    return present(row, 'the server knows its identifier').name;
  }

  /** Name of the shop's slot and publication: what it was first, or what it is going to be. */
  async slotName(reader: Reader, shopId: string): Promise<string> {
    const row = await this.read(reader, shopId);
    return row?.slotName ?? slotNameOf(shopId, await this.installation(reader));
  }

  /**
   * Bounds every further statement of this transaction, and how long it may wait for us in between; and has every row
   * looked up by an index. Tables grow here by millions of rows in one transaction, of which no statistics tell: what
   * is planned for the small table that they speak of goes through all of it for each page.
   */
  async limitStatements(
    transaction: Transaction,
    limits: { statementMs: number; idleMs: number },
  ): Promise<void> {
    await transaction.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true),
         (SELECT count(set_config(name, 'off', true)) FROM unnest($3::text[]) AS name)`,
      [String(limits.statementMs), String(limits.idleMs), plansForSmallTables],
    );
  }

  /**
   * Locks the stream until the transaction ends. Throws StreamReplaced where another process follows the shop
   * by now: what one that was stopped had begun comes to nothing.
   */
  async lockOwned(transaction: Transaction, shopId: string, owner: string): Promise<void> {
    await transaction.query('SELECT FROM replication_stream WHERE shop_id = $1 FOR UPDATE', [
      shopId,
    ]);
    // a statement of its own: one that had waited for the lock would see the lease as it was before
    const lease = await transaction.queryOne(
      'SELECT 1 AS held FROM work_lease WHERE name = $1 AND owner = $2',
      [leaseNameOf(shopId), owner],
    );
    if (lease === undefined)
      throw new StreamReplaced(`another process follows the shop ${shopId} by now`);
  }

  /** How far the shop was journalled; undefined where it is no longer this incarnation, or not to be written at all. */
  async confirmed(
    transaction: Transaction,
    shopId: string,
    incarnation: string,
  ): Promise<string | undefined> {
    const row = await transaction.queryOne<{ confirmed: string }>(
      `SELECT confirmed_lsn::text AS confirmed FROM replication_stream
       WHERE shop_id = $1 AND incarnation = $2 AND state IN ('streaming', 'interrupted', 'mismatch')`,
      [shopId, incarnation],
    );
    return row?.confirmed;
  }

  /** Notes how far the shop is journalled; never goes backwards. */
  async confirm(
    reader: Reader,
    given: {
      shopId: string;
      incarnation: string;
      /** of the shop's lease */
      owner: string;
      lsn: string;
      /** all that the shop committed before this is journalled; null where some of it waits to be */
      seenUntil: Date | string | null;
      /** the newest transaction that was written down with it, if any was */
      lastWritten?: LastWritten;
      now: Date;
    },
  ): Promise<boolean> {
    const rows = await reader.query(
      `UPDATE replication_stream SET confirmed_lsn = $3::pg_lsn, last_message_at = $4, updated_at = $4,
         seen_until = greatest(seen_until, $5::timestamptz), last_written = coalesce($6::jsonb, last_written)
       WHERE shop_id = $1 AND incarnation = $2 AND state IN ('streaming', 'interrupted', 'mismatch')
         AND confirmed_lsn <= $3::pg_lsn
         AND EXISTS (SELECT FROM work_lease WHERE name = $7 AND owner = $8) RETURNING shop_id`,
      [
        ...[given.shopId, given.incarnation, given.lsn, given.now, given.seenUntil],
        given.lastWritten === undefined ? null : JSON.stringify(given.lastWritten),
        ...[leaseNameOf(given.shopId), given.owner],
      ],
    );
    return rows.length > 0;
  }

  /** Notes what attach is about to change, before it does; what was noted first is what it was before us. */
  async prepare(
    reader: Reader,
    given: {
      shopId: string;
      /** of the slot and the publication */
      name: string;
      identities: Readonly<Record<string, string>>;
      now: Date;
    },
  ): Promise<void> {
    await reader.query(
      `INSERT INTO replication_stream AS stream
         (shop_id, state, slot_name, publication_name, identities, updated_at)
       VALUES ($1, 'detached', $2, $2, $3::jsonb, $4)
       ON CONFLICT (shop_id) DO UPDATE SET
         identities = $3::jsonb || stream.identities, updated_at = $4`,
      [given.shopId, given.name, JSON.stringify(given.identities), given.now],
    );
  }

  /** What the identities were before us, as it stands after an attach that was taken back. */
  async note(
    reader: Reader,
    given: { shopId: string; identities: Readonly<Record<string, string>>; now: Date },
  ): Promise<void> {
    await reader.query(
      'UPDATE replication_stream SET identities = $2::jsonb, updated_at = $3 WHERE shop_id = $1',
      [given.shopId, JSON.stringify(given.identities), given.now],
    );
  }

  /**
   * The shop is attached: its first snapshot is about to be read. What it did since it was attached the
   * last time was not seen, which is a gap as any other.
   */
  async begin(reader: Reader, given: { shopId: string; now: Date }): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET state = 'snapshot', attached_at = $2, problem = NULL, updated_at = $2, unseen_tables = '{}',
         gap = CASE WHEN incarnation IS NOT NULL THEN 'the shop was not attached for a while' END
       WHERE shop_id = $1`,
      [given.shopId, given.now],
    );
  }

  /**
   * A new slot: everything before its consistent point comes from the snapshot; of `unseen` tables nothing
   * comes after it.
   */
  async beginSlot(
    transaction: Transaction,
    given: {
      shopId: string;
      generation: number;
      incarnation: string;
      consistentPoint: string;
      mappingHash: string;
      unseen: Unseen;
      now: Date;
    },
  ): Promise<void> {
    await transaction.query(
      `UPDATE replication_stream SET state = 'snapshot', slot_generation = $2, incarnation = $3,
         confirmed_lsn = $4::pg_lsn, snapshot_lsn = $4::pg_lsn, snapshot_rows = 0, mapping_hash = $5,
         published_at = $6, problem = NULL, updated_at = $6, seen_until = $6,
         last_written = $7::jsonb, unseen_tables = $8::jsonb, gap = $9
       WHERE shop_id = $1`,
      [
        given.shopId,
        given.generation,
        given.incarnation,
        given.consistentPoint,
        given.mappingHash,
        given.now,
        // the slot itself stands where nothing has been written down yet
        JSON.stringify({ endLsn: given.consistentPoint, transactionId: 0, committedAt: '' }),
        JSON.stringify(given.unseen.unseenTables),
        given.unseen.gap,
      ],
    );
  }

  /** The first snapshot is whole: the shop has been watched since its slot was made. */
  async watched(reader: Reader, given: { shopId: string; since: Date }): Promise<void> {
    await reader.query(
      'UPDATE replication_stream SET watched_since = $2 WHERE shop_id = $1 AND watched_since IS NULL',
      [given.shopId, given.since],
    );
  }

  async countSnapshotRows(
    reader: Reader,
    given: { shopId: string; rows: number; now: Date },
  ): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET snapshot_rows = snapshot_rows + $2, updated_at = $3 WHERE shop_id = $1`,
      [given.shopId, given.rows, given.now],
    );
  }

  /** Sets the state and what is wrong (null: nothing). A detached stream stays detached. */
  async setState(
    reader: Reader,
    given: { shopId: string; state: StreamState; problem: string | null; now: Date },
  ): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET state = $2, problem = $3, updated_at = $4
       WHERE shop_id = $1 AND state <> 'detached'`,
      [given.shopId, given.state, given.problem, given.now],
    );
  }

  /** Says what is wrong with a stream that streams all the same; passed over where it does not any more. */
  async setStreamingProblem(
    reader: Reader,
    given: { shopId: string; problem: string | null; now: Date },
  ): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET problem = $2, updated_at = $3 WHERE shop_id = $1 AND state = 'streaming'`,
      [given.shopId, given.problem, given.now],
    );
  }

  /** Changes were lost at the source, all told by `gap`: they get their entry together with the next slot. */
  async lose(reader: Reader, given: { shopId: string; gap: string; now: Date }): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET state = 'lost', gap = $2, unseen_tables = '{}', problem = $2, updated_at = $3
       WHERE shop_id = $1 AND state <> 'detached'`,
      [given.shopId, given.gap, given.now],
    );
  }

  /** The publication held every mapped table at that time; passed over while images of some are to be read. */
  async setPublished(reader: Reader, given: { shopId: string; at: Date }): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET published_at = $2
       WHERE shop_id = $1 AND unseen_tables = '{}' AND state <> 'detached'`,
      [given.shopId, given.at],
    );
  }

  /** These mapped tables are unseen; `gap` tells what was lost by it so far, where something was. */
  async setUnseen(reader: Reader, given: Unseen & { shopId: string; now: Date }): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET unseen_tables = $2::jsonb, gap = $3, updated_at = $4,
         published_at = coalesce(published_at, seen_until)
       WHERE shop_id = $1 AND state <> 'detached'`,
      [given.shopId, JSON.stringify(given.unseenTables), given.gap, given.now],
    );
  }

  /** How the publication and its tables are told from what takes their place some day. */
  async setPublication(
    reader: Reader,
    given: {
      shopId: string;
      oid: string | null;
      members: StreamRow['publicationMembers'];
      columns: StreamRow['tableColumns'];
    },
  ): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET publication_oid = $2, publication_members = $3::jsonb, table_columns = $4::jsonb
       WHERE shop_id = $1`,
      [given.shopId, given.oid, JSON.stringify(given.members), JSON.stringify(given.columns)],
    );
  }

  /** What was lost stands in the journal. */
  async setTold(reader: Reader, given: { shopId: string; now: Date }): Promise<void> {
    await reader.query(
      'UPDATE replication_stream SET gap = NULL, updated_at = $2 WHERE shop_id = $1',
      [given.shopId, given.now],
    );
  }

  /** The row images hold all rows, with the columns of this mapping, from now on. */
  async setMapping(
    reader: Reader,
    given: { shopId: string; mappingHash: string; now: Date },
  ): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET mapping_hash = $2, unseen_tables = '{}', updated_at = $3 WHERE shop_id = $1`,
      [given.shopId, given.mappingHash, given.now],
    );
  }

  async hasSpool(reader: Reader, shopId: string): Promise<boolean> {
    const row = await reader.queryOne(
      'SELECT 1 AS found FROM replication_spool WHERE shop_id = $1 LIMIT 1',
      [shopId],
    );
    return row !== undefined;
  }

  async detach(reader: Reader, given: { shopId: string; now: Date }): Promise<void> {
    await reader.query(
      `UPDATE replication_stream SET state = 'detached', identities = '{}', gap = NULL, unseen_tables = '{}', problem = NULL,
         attached_at = NULL, updated_at = $2 WHERE shop_id = $1`,
      [given.shopId, given.now],
    );
  }
}
