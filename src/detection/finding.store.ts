import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId } from '../platform/ids.js';
import { present } from '../platform/assert.js';
import type { Reader, Row, Transaction } from '../platform/database/database.js';
import type { FindingMeasure } from './detector.js';
import type { FindingChange } from './finding-changes.js';
import { sentence, type Finding } from './finding.js';

const columns = `id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
  last_event_at, found_at, closed_at, version`;

/** Which findings to list; `before` is the last finding of the page before. */
export interface FindingQuery {
  readonly shopId: string | null;
  readonly state: 'live' | 'closed' | null;
  readonly before: { readonly foundAt: Date; readonly id: string } | null;
  readonly limit: number;
}

/** Which detector of which shop found something, and when. */
export interface FindingOrigin {
  readonly shopId: string;
  readonly detector: string;
  readonly now: Date;
}

/** What becomes of a finding, and when the shop committed what made it so; null where only time passed. */
export type CommittedChange = FindingChange & { readonly committedAt: string | null };

@Injectable()
export class FindingStore {
  /** Writes what became of a finding, with the cancellations it gained; `isNew` where it was opened by this. */
  async apply(
    transaction: Transaction,
    origin: FindingOrigin,
    change: CommittedChange,
  ): Promise<{ id: string; isNew: boolean }> {
    const { id, version } = await this.tell(transaction, origin, change);
    await this.addEntries(transaction, { id, shopId: origin.shopId }, change.addedPositions);
    if (change.state === 'closed') await this.close(transaction, id, origin.now);
    return { id, isNew: version === 1 };
  }

  /** Closes what a detector left live, before it starts anew. */
  async closeAll(
    transaction: Transaction,
    { shopId, detector, now }: FindingOrigin,
  ): Promise<void> {
    await transaction.query(
      `UPDATE finding SET state = 'closed', closed_at = $3, version = version + 1,
         measure = jsonb_set(measure, '{rising}', 'false')
       WHERE shop_id = $1 AND detector = $2 AND state = 'live'`,
      [shopId, detector, now],
    );
  }

  /** Newest first. */
  async list(reader: Reader, query: FindingQuery): Promise<Finding[]> {
    const rows = await reader.query(
      `SELECT ${columns} FROM finding
       WHERE ($1::text IS NULL OR shop_id = $1) AND ($2::text IS NULL OR state = $2)
         AND ($3::timestamptz IS NULL OR (found_at, id) < ($3, $4::uuid))
       ORDER BY found_at DESC, id DESC LIMIT $5`,
      [
        query.shopId,
        query.state,
        query.before?.foundAt ?? null,
        query.before?.id ?? null,
        query.limit,
      ],
    );
    return rows.map(findingOf);
  }

  private async tell(
    transaction: Transaction,
    { shopId, detector, now }: FindingOrigin,
    { fingerprint, measure, committedAt }: CommittedChange,
  ): Promise<{ id: string; version: number }> {
    const row = await transaction.queryOne<{ id: string; version: number }>(
      `INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure,
         first_event_at, last_event_at, found_at, committed_at)
       VALUES ($1, $2, $3, $4, 'live', $5, $6, $7, $8, $9, $10, $11)
       ON CONFLICT (fingerprint) WHERE state = 'live' DO UPDATE
         SET slice = excluded.slice, sentence = excluded.sentence, measure = excluded.measure,
             first_event_at = least(finding.first_event_at, excluded.first_event_at),
             last_event_at = excluded.last_event_at, version = finding.version + 1
       RETURNING id, version`,
      [
        newId(),
        shopId,
        detector,
        fingerprintOf(shopId, fingerprint),
        JSON.stringify(measure.slice),
        sentence(measure),
        JSON.stringify(measure),
        measure.since,
        measure.until,
        now,
        committedAt,
      ],
    );
    return present(row, 'an upsert returns its row');
  }

  /** Cancellations known only from the shop's past have no journal entry, and no row here. */
  private async addEntries(
    transaction: Transaction,
    finding: { id: string; shopId: string },
    positions: readonly number[],
  ): Promise<void> {
    if (positions.length === 0) return;
    await transaction.query(
      `INSERT INTO finding_entry (finding_id, position, order_id, committed_at)
       SELECT $1, position, order_id, committed_at FROM journal_entry
       WHERE shop_id = $2 AND position = ANY($3) ON CONFLICT DO NOTHING`,
      [finding.id, finding.shopId, positions],
    );
  }

  private async close(transaction: Transaction, id: string, now: Date): Promise<void> {
    await transaction.query(`UPDATE finding SET state = 'closed', closed_at = $2 WHERE id = $1`, [
      id,
      now,
    ]);
  }
}

/** The detector's fingerprint, made unique over shops and short enough for a label. */
function fingerprintOf(shopId: string, fingerprint: string): string {
  return createHash('sha256').update(`${shopId} ${fingerprint}`).digest('hex').slice(0, 32);
}

interface FindingRow {
  id: string;
  shop_id: string;
  detector: string;
  fingerprint: string;
  state: 'live' | 'closed';
  slice: Record<string, string>;
  sentence: string;
  measure: Omit<FindingMeasure, 'since' | 'until' | 'gap'> & {
    since: string;
    until: string;
    /** not there in rows of before it was known */
    gap?: { from: string; until: string } | null;
  };
  first_event_at: Date;
  last_event_at: Date;
  found_at: Date;
  closed_at: Date | null;
  version: number;
}

function findingOf(given: Row): Finding {
  const row = given as unknown as FindingRow;
  return {
    id: row.id,
    shopId: row.shop_id,
    detector: row.detector,
    fingerprint: row.fingerprint,
    state: row.state,
    slice: row.slice,
    sentence: row.sentence,
    measure: measureOf(row.measure),
    firstEventAt: row.first_event_at,
    lastEventAt: row.last_event_at,
    foundAt: row.found_at,
    closedAt: row.closed_at,
    version: row.version,
  };
}

function measureOf({ gap, since, until, ...numbers }: FindingRow['measure']): FindingMeasure {
  return {
    ...numbers,
    since: new Date(since),
    until: new Date(until),
    gap: gap ? { from: new Date(gap.from), until: new Date(gap.until) } : null,
  };
}
