import { Injectable } from '@nestjs/common';
import type { EntryHead, JournalEntry, OrderEvent, SourcePosition } from '../orders/order-event.js';
import type { Reader, Row, Transaction } from '../platform/database/database.js';
import { inLines, linesOf } from '../platform/database/json-lines.js';
import { entryHeadOf, entryOf } from './journal-row.js';
import type { OrderCount } from './order-tally.js';

/** The columns of an entry without its rows; commit time as text, since a Date would lose the microseconds. */
const headColumns = `shop_id, position, to_char(committed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS committed_at,
  recorded_at, incarnation, commit_lsn::text AS commit_lsn, transaction_id, order_id, order_number, kinds,
  status_before, status_after, actor_kind, actor, reason, customer_id, total_minor, currency,
  attributes, snapshot, marker, traceparent`;
const columns = `${headColumns}, row_changes`;

/** Entries of one INSERT: a transaction of the shop may touch more orders than one JSON value can hold. */
const insertMax = 500;

/** The only place that writes to the journal. */
@Injectable()
export class JournalStore {
  /** Locks the shop's row until the transaction ends and gives the position of its newest entry. */
  async lockHead(transaction: Transaction, shopId: string): Promise<number | undefined> {
    const row = await transaction.queryOne<{ journal_head: number }>(
      'SELECT journal_head FROM shop WHERE id = $1 FOR NO KEY UPDATE',
      [shopId],
    );
    return row?.journal_head;
  }

  async raiseHead(transaction: Transaction, shopId: string, head: number): Promise<void> {
    await transaction.query('UPDATE shop SET journal_head = $2 WHERE id = $1', [shopId, head]);
  }

  /** Which of these events (by their place in the list) stand in the journal already. */
  async known(
    transaction: Transaction,
    shopId: string,
    events: readonly OrderEvent[],
  ): Promise<Set<number>> {
    const rows = await transaction.query<{ ordinal: number }>(
      `SELECT event.ordinal::int - 1 AS ordinal
       FROM unnest($2::text[], $3::pg_lsn[], $4::bigint[], $5::text[], $6::timestamptz[])
         WITH ORDINALITY AS event(incarnation, commit_lsn, transaction_id, order_id, committed_at, ordinal)
       JOIN journal_entry entry USING (incarnation, commit_lsn, transaction_id, order_id, committed_at)
       WHERE entry.shop_id = $1`,
      [
        shopId,
        events.map((event) => event.source.incarnation),
        events.map((event) => event.source.commitLsn),
        events.map((event) => event.source.transactionId),
        events.map((event) => event.orderId),
        events.map((event) => event.committedAt),
      ],
    );
    return new Set(rows.map((row) => row.ordinal));
  }

  /** Whether there is any entry of these source transactions. */
  async holds(
    transaction: Transaction,
    shopId: string,
    sources: readonly SourceMoment[],
  ): Promise<boolean> {
    const rows = await transaction.query(
      `SELECT 1 AS held
       FROM unnest($2::text[], $3::pg_lsn[], $4::bigint[], $5::timestamptz[])
         AS source(incarnation, commit_lsn, transaction_id, committed_at),
       LATERAL (
         SELECT FROM journal_entry entry
         WHERE entry.shop_id = $1 AND entry.incarnation = source.incarnation AND entry.commit_lsn = source.commit_lsn
           AND entry.transaction_id = source.transaction_id AND entry.committed_at = source.committed_at LIMIT 1) entry
       LIMIT 1`,
      [
        shopId,
        sources.map((source) => source.incarnation),
        sources.map((source) => source.commitLsn),
        sources.map((source) => source.transactionId),
        sources.map((source) => source.committedAt),
      ],
    );
    return rows.length > 0;
  }

  /** Writes events under consecutive positions after `head`, in statements of bounded size. */
  async insert(transaction: Transaction, { events, head, ...batch }: EventBatch): Promise<void> {
    for (let done = 0; done < events.length; done += insertMax) {
      const part = events.slice(done, done + insertMax);
      await this.insertPart(transaction, { ...batch, head: head + done, events: part });
    }
  }

  private async insertPart(transaction: Transaction, batch: EventBatch): Promise<void> {
    await transaction.query(
      `INSERT INTO journal_entry (shop_id, position, committed_at, recorded_at, incarnation, commit_lsn, transaction_id,
         order_id, order_number, kinds, status_before, status_after, actor_kind, actor, reason, customer_id,
         total_minor, currency, attributes, row_changes, snapshot, marker, traceparent)
       SELECT $1, $2 + ordinal, committed_at, $3, incarnation, commit_lsn, transaction_id,
         order_id, order_number, string_to_array(kinds, ','), status_before, status_after, actor_kind, actor, reason,
         customer_id, total_minor, currency, attributes::jsonb, row_changes::jsonb, snapshot::jsonb, marker::jsonb,
         traceparent
       FROM unnest($4::timestamptz[], $5::text[], $6::pg_lsn[], $7::bigint[], $8::text[], $9::text[], $10::text[],
         $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bigint[], $18::text[],
         ${linesOf('$19')}, ${linesOf('$20')}, ${linesOf('$21')}, ${linesOf('$22')}, $23::text[])
         WITH ORDINALITY AS event(committed_at, incarnation, commit_lsn, transaction_id, order_id, order_number, kinds,
         status_before, status_after, actor_kind, actor, reason, customer_id, total_minor, currency, attributes,
         row_changes, snapshot, marker, traceparent, ordinal)`,
      [batch.shopId, batch.head, batch.now, ...valuesOf(batch.events)],
    );
  }

  async readAfter(
    reader: Reader,
    cursor: { shopId: string; position: number; limit: number },
  ): Promise<JournalEntry[]> {
    return entries(
      reader.query(
        `SELECT ${columns} FROM journal_entry WHERE shop_id = $1 AND position > $2 ORDER BY position LIMIT $3`,
        [cursor.shopId, cursor.position, cursor.limit],
      ),
    );
  }

  /** The same without the rows that changed: to unpack and send them would take longer than all else. */
  async headsAfter(
    reader: Reader,
    cursor: { shopId: string; position: number; limit: number },
  ): Promise<EntryHead[]> {
    const rows = await reader.query(
      `SELECT ${headColumns} FROM journal_entry WHERE shop_id = $1 AND position > $2 ORDER BY position LIMIT $3`,
      [cursor.shopId, cursor.position, cursor.limit],
    );
    return rows.map(entryHeadOf);
  }

  async ofOrders(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<JournalEntry[]> {
    return entries(
      reader.query(
        `SELECT ${columns} FROM journal_entry WHERE shop_id = $1 AND order_id = ANY($2) ORDER BY position`,
        [shopId, orderIds],
      ),
    );
  }

  async positionsAfter(
    reader: Reader,
    after: { shopId: string; orderId: string; position: number },
  ): Promise<number[]> {
    const rows = await reader.query<{ position: number }>(
      'SELECT position FROM journal_entry WHERE shop_id = $1 AND order_id = $2 AND position > $3 ORDER BY position',
      [after.shopId, after.orderId, after.position],
    );
    return rows.map(({ position }) => position);
  }

  async ofTransactions(
    reader: Reader,
    shopId: string,
    sources: readonly SourcePosition[],
  ): Promise<JournalEntry[]> {
    return entries(
      reader.query(
        `SELECT ${columns} FROM journal_entry
         WHERE shop_id = $1 AND (incarnation, commit_lsn, transaction_id)
           IN (SELECT * FROM unnest($2::text[], $3::pg_lsn[], $4::bigint[])) ORDER BY position`,
        [
          shopId,
          sources.map(({ incarnation }) => incarnation),
          sources.map(({ commitLsn }) => commitLsn),
          sources.map(({ transactionId }) => transactionId),
        ],
      ),
    );
  }

  async head(reader: Reader, shopId: string): Promise<number | undefined> {
    const row = await reader.queryOne<{ journal_head: number }>(
      'SELECT journal_head FROM shop WHERE id = $1',
      [shopId],
    );
    return row?.journal_head;
  }

  /** Adds to what was counted of the shop's orders; each kind once, and always in the same order. */
  async addTally(
    transaction: Transaction,
    shopId: string,
    counts: readonly OrderCount[],
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO order_tally AS tally (shop_id, what, actor_kind, orders)
       SELECT $1, what, actor_kind, orders FROM unnest($2::text[], $3::text[], $4::bigint[]) AS given(what, actor_kind, orders)
       ON CONFLICT (shop_id, what, actor_kind) DO UPDATE SET orders = tally.orders + excluded.orders`,
      [
        shopId,
        counts.map(({ what }) => what),
        counts.map(({ actorKind }) => actorKind),
        counts.map(({ orders }) => orders),
      ],
    );
  }

  /** What was counted so far, by shop; also of shops of which nothing was. */
  async readTally(reader: Reader): Promise<{ shopId: string; counts: OrderCount[] }[]> {
    return reader.query(
      `SELECT s.id AS "shopId", coalesce(jsonb_agg(jsonb_build_object('what', t.what, 'actorKind', t.actor_kind,
         'orders', t.orders)) FILTER (WHERE t.what IS NOT NULL), '[]') AS counts
       FROM shop s LEFT JOIN order_tally t ON t.shop_id = s.id GROUP BY s.id ORDER BY s.id`,
    );
  }

  /** Makes the monthly partitions that these moments need; gives how many were missing. */
  async makePartitions(reader: Reader, moments: readonly (Date | string)[]): Promise<number> {
    const rows = await reader.query<{ made: boolean }>(
      'SELECT make_journal_partition(moment) AS made FROM unnest($1::timestamptz[]) AS moment',
      [moments],
    );
    return rows.filter((row) => row.made).length;
  }
}

/** A source transaction, and when it committed. */
export type SourceMoment = SourcePosition & Pick<OrderEvent, 'committedAt'>;

interface EventBatch {
  readonly shopId: string;
  readonly head: number;
  readonly now: Date;
  readonly events: readonly OrderEvent[];
}

async function entries(rows: Promise<Row[]>): Promise<JournalEntry[]> {
  return (await rows).map(entryOf);
}

/** The events' columns, in the order in which the statement that inserts them names them. */
function valuesOf(events: readonly OrderEvent[]): unknown[] {
  const column = (of: (event: OrderEvent) => string | number | null) => events.map(of);
  const json = (of: (event: OrderEvent) => unknown) =>
    inLines(events.map((event) => JSON.stringify(of(event))));
  return [
    column((event) => event.committedAt),
    column((event) => event.source.incarnation),
    column((event) => event.source.commitLsn),
    column((event) => event.source.transactionId),
    column((event) => event.orderId),
    column((event) => event.orderNumber),
    column((event) => event.kinds.join(',')),
    column((event) => event.statusBefore),
    column((event) => event.statusAfter),
    column((event) => event.actorKind),
    column((event) => event.actor),
    column((event) => event.reason),
    column((event) => event.customerId),
    column((event) => event.total?.amountMinor ?? null),
    column((event) => event.total?.currency ?? null),
    json((event) => event.attributes),
    json((event) => event.rowChanges),
    json((event) => event.snapshot),
    json((event) => event.marker),
    column((event) => event.traceparent),
  ];
}
