import { Injectable } from '@nestjs/common';
import { present } from '../../platform/assert.js';
import type { Reader } from '../../platform/database/database.js';
import type { Waiting } from '../../platform/work/work-queues.js';
import type { RunStanding } from './standing.js';

/** Runs that have not ended, and do things; with the step that is begun, or the one that failed last. */
const openRuns = `FROM runbook_run r
  LEFT JOIN runbook_step begun ON begun.run_id = r.id AND begun.state = 'begun'
  LEFT JOIN LATERAL (SELECT s.reason, s.ended_at FROM runbook_step s
    WHERE s.run_id = r.id AND s.ended_at IS NOT NULL ORDER BY s.sequence DESC LIMIT 1) ended ON true
  WHERE r.state IN ('running', 'paused', 'stopped') AND NOT r.dry_run`;

/** How runs stand, for those who watch from outside. */
@Injectable()
export class RunStandingStore {
  /** Runs that have not ended, by how they stand; `since`: when the first of them began to wait for a person. */
  async count(
    reader: Reader,
  ): Promise<(RunStanding & { shopId: string; count: number; since: Date | null })[]> {
    return reader.query(
      `SELECT r.shop_id AS "shopId",
         CASE WHEN r.state = 'running' AND begun.waits_for IN ('answer', 'approval') THEN 'waiting' ELSE r.state END AS state,
         CASE WHEN r.state = 'stopped' AND begun.id IS NULL THEN coalesce(ended.reason, 'nobody-acts')
           WHEN r.state = 'stopped' THEN 'nobody-acts'
           WHEN r.state = 'running' AND begun.waits_for IN ('answer', 'approval') THEN begun.waits_for
           ELSE '' END AS cause,
         count(*) AS count, min(begun.begun_at) AS since
       ${openRuns} GROUP BY 1, 2, 3`,
    );
  }

  /** Runs whose next step is due: none that waits for a person, for the shop to be quiet or for a restore. */
  async waiting(reader: Reader, now: Date): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT count(*) AS due, min(coalesce(begun.next_look_at, begun.begun_at, ended.ended_at, r.started_at)) AS since
       ${openRuns} AND r.state = 'running'
         AND (begun.id IS NULL OR begun.waits_for IS NULL OR begun.next_look_at <= $1)`,
      [now],
    );
    return present(row, 'a count is one row');
  }
}
