import type { Reader } from '../../platform/database/database.js';
import { linksMax } from '../../platform/telemetry/tracing/span.js';

/** The traces that the shop left in the cancellations which a plan is about, those that came first first. */
export async function tracesOfPlan(reader: Reader, planId: string): Promise<string[]> {
  const rows = await reader.query<{ traceparent: string }>(
    `SELECT min(e.traceparent) AS traceparent
     FROM restore_plan_item i JOIN incident_case c ON c.id = i.case_id
     JOIN journal_entry e ON e.shop_id = c.shop_id AND e.position = c.cancel_position
     WHERE i.plan_id = $1 AND e.traceparent IS NOT NULL
     GROUP BY split_part(e.traceparent, '-', 2) ORDER BY min(e.position) LIMIT $2`,
    [planId, linksMax],
  );
  return rows.map(({ traceparent }) => traceparent);
}

/** The trace that the shop left in the cancellation of a case's order, where it left one. */
export async function traceOfCase(reader: Reader, caseId: string): Promise<string | null> {
  const row = await reader.queryOne<{ traceparent: string | null }>(
    `SELECT e.traceparent FROM incident_case c
     JOIN journal_entry e ON e.shop_id = c.shop_id AND e.position = c.cancel_position WHERE c.id = $1`,
    [caseId],
  );
  return row?.traceparent ?? null;
}
