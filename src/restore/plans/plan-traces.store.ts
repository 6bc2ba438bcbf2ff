import type { Reader } from '../../platform/database/database.js';
import { linksMax } from '../../platform/telemetry/tracing/span.js';

/** The traces that the shop left in the cancellations which a plan is about, those that came first first. */
export async function tracesOfPlan(reader: Reader, planId: string): Promise<string[]> {
  const rows = await reader.query<{ traceparent: string }>(
    `SELECT min(c.traceparent) AS traceparent
     FROM restore_plan_item i JOIN incident_case c ON c.id = i.case_id
     WHERE i.plan_id = $1 AND c.traceparent IS NOT NULL
     GROUP BY split_part(c.traceparent, '-', 2) ORDER BY min(c.cancel_position) LIMIT $2`,
    [planId, linksMax],
  );
  return rows.map(({ traceparent }) => traceparent);
}

/** The trace that the shop left in the cancellation of a case's order, where it left one. */
export async function traceOfCase(reader: Reader, caseId: string): Promise<string | null> {
  const row = await reader.queryOne<{ traceparent: string | null }>(
    'SELECT traceparent FROM incident_case WHERE id = $1',
    [caseId],
  );
  return row?.traceparent ?? null;
}
