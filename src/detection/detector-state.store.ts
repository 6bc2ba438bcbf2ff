import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import type { Waiting } from '../platform/work/work-queues.js';

/** Of which detector of which shop. */
export interface DetectorKey {
  readonly shopId: string;
  readonly detector: string;
}

/** How far a detector has read; `revision` grows with each save, so that a stale one cannot be saved over it. */
export interface DetectorProgress {
  readonly position: number;
  readonly revision: number;
}

/** A state, and the position after which the journal is read again to be where the detector was. */
export interface SavedDetector extends DetectorProgress {
  readonly state: unknown;
  readonly statePosition: number;
}

@Injectable()
export class DetectorStateStore {
  async progress(reader: Reader, key: DetectorKey): Promise<DetectorProgress | undefined> {
    return reader.queryOne<DetectorProgress>(
      'SELECT position, revision FROM detector_state WHERE shop_id = $1 AND detector = $2',
      [key.shopId, key.detector],
    );
  }

  async read(reader: Reader, key: DetectorKey): Promise<SavedDetector | undefined> {
    return reader.queryOne(
      `SELECT position, revision, state, state_position AS "statePosition" FROM detector_state
       WHERE shop_id = $1 AND detector = $2`,
      [key.shopId, key.detector],
    );
  }

  /** Journal entries that no detector has read yet, and when the oldest of them was journalled. */
  async waiting(reader: Reader): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT coalesce(sum(s.journal_head - d.position), 0)::float8 AS due, min((
         SELECT e.recorded_at FROM journal_entry e WHERE e.shop_id = s.id AND e.position = d.position + 1)) AS since
       FROM shop s JOIN detector_state d ON d.shop_id = s.id WHERE s.journal_head > d.position`,
    );
    return row ?? { due: 0, since: null };
  }

  /**
   * Saves the state that follows revision `after` (0 where there was none); false where another process
   * has saved in between: then nothing that came out of this state may be written.
   */
  async save(
    transaction: Transaction,
    key: DetectorKey,
    saved: { after: number; position: number; state: unknown; now: Date },
  ): Promise<boolean> {
    const { shopId, detector } = key;
    const { after, position, now } = saved;
    const state = JSON.stringify(saved.state);
    const rows =
      after === 0
        ? await transaction.query(
            `INSERT INTO detector_state (shop_id, detector, position, revision, state, state_position, saved_at)
             VALUES ($1, $2, $3, 1, $4, $3, $5) ON CONFLICT DO NOTHING RETURNING revision`,
            [shopId, detector, position, state, now],
          )
        : await transaction.query(
            `UPDATE detector_state SET position = greatest(position, $4), revision = revision + 1,
               state = $5, state_position = $4, saved_at = $6
             WHERE shop_id = $1 AND detector = $2 AND revision = $3 RETURNING revision`,
            [shopId, detector, after, position, state, now],
          );
    return rows.length === 1;
  }

  /** As `save`, where what was read up to the position told of nothing: whoever loads the state reads it again. */
  async readUpTo(
    asker: Reader,
    key: DetectorKey,
    progress: { after: number; position: number },
  ): Promise<boolean> {
    const rows = await asker.query(
      `UPDATE detector_state SET position = greatest(position, $4), revision = revision + 1
       WHERE shop_id = $1 AND detector = $2 AND revision = $3 RETURNING revision`,
      [key.shopId, key.detector, progress.after, progress.position],
    );
    return rows.length === 1;
  }
}
