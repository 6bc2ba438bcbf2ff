import type { World } from '../world.js';
import type { Checker } from './checker.js';

/** What is kept for ever, each with the columns that say in which order. */
const kept = {
  timeline_entry: 'incident_id, position',
  journal_entry: 'shop_id, position',
  audit_entry: 'id',
} as const;

/** How often the whole of it is read again. */
const stepsBetween = 12;

/** A state, and the last that the timeline says of it; `subject` names it. */
interface Standing {
  readonly subject: string;
  readonly state: string;
  readonly told: string | null;
}

const casesSql = `
  SELECT 'the case of order ' || c.order_id AS subject, c.state,
    coalesce((SELECT t.data ->> 'to' FROM timeline_entry t
      WHERE t.incident_id = c.incident_id AND t.case_id = c.id AND t.type = 'case-state-changed'
      ORDER BY t.position DESC LIMIT 1),
    (SELECT CASE t.data ->> 'evidence' WHEN 'none' THEN 'person' ELSE 'open' END FROM timeline_entry t
      WHERE t.incident_id = c.incident_id AND t.case_id = c.id AND t.type = 'case-added')) AS told
  FROM incident_case c`;

const runsSql = `
  SELECT 'the run of plan ' || p.number AS subject, r.state,
    (SELECT CASE t.type WHEN 'run-started' THEN 'running' WHEN 'run-resumed' THEN 'running'
       WHEN 'run-paused' THEN 'paused' WHEN 'run-stopped' THEN 'stopped' ELSE 'finished' END
     FROM timeline_entry t WHERE t.incident_id = r.incident_id AND t.data ->> 'runId' = r.id::text
       AND t.type IN ('run-started', 'run-resumed', 'run-paused', 'run-stopped', 'run-finished')
     ORDER BY t.position DESC LIMIT 1) AS told
  FROM restore_run r JOIN restore_plan p ON p.id = r.plan_id`;

const plansSql = `
  SELECT 'plan ' || p.number AS subject, p.state,
    CASE WHEN EXISTS (SELECT FROM restore_run r WHERE r.plan_id = p.id) THEN 'run' ELSE
    (SELECT replace(t.type, 'plan-', '') FROM timeline_entry t
     WHERE t.incident_id = p.incident_id AND t.data ->> 'planId' = p.id::text
       AND t.type IN ('plan-proposed', 'plan-rejected', 'plan-expired', 'plan-superseded')
     ORDER BY t.position DESC LIMIT 1) END AS told
  FROM restore_plan p`;

/** What the timeline last says of an order in a run, as the state that follows from it. */
const itemsSql = `
  SELECT 'order ' || i.order_id || ' in the run of plan ' || p.number AS subject, i.state,
    (SELECT CASE t.type WHEN 'order-begun' THEN 'attempting' WHEN 'order-restored' THEN 'applied'
       WHEN 'order-verified' THEN 'verified' WHEN 'order-undone' THEN 'verified' WHEN 'order-refused' THEN 'refused'
       WHEN 'order-failed' THEN 'failed' WHEN 'order-unknown' THEN 'unknown' WHEN 'order-put-back' THEN 'pending' END
     FROM timeline_entry t WHERE t.incident_id = r.incident_id AND t.case_id = i.case_id
       AND t.data ->> 'runId' = r.id::text
       AND t.type IN ('order-restored', 'order-verified', 'order-undone', 'order-refused', 'order-failed', 'order-unknown')
     ORDER BY t.position DESC LIMIT 1) AS told
  FROM restore_run_item i JOIN restore_run r ON r.id = i.run_id JOIN restore_plan p ON p.id = r.plan_id
  WHERE i.state IN ('applied', 'verified', 'refused', 'failed', 'unknown')
    AND i.settled_outcome IS NULL`;

/**
 * Invariant 8: "Every state change has its timeline entry in the same transaction. Journal, timeline and audit are
 * append-only, held by the database." At any moment the last word of the timeline is the state as it stands.
 */
export class AllIsTold implements Checker {
  readonly name = '8: every change is told, and nothing told is changed';
  private steps = 0;
  private readonly content = new Map<string, { rows: number; hash: string }>();

  async afterStep(world: World): Promise<string[]> {
    this.steps += 1;
    const standings = await world.query<Standing>(
      `${casesSql} UNION ALL ${runsSql} UNION ALL ${plansSql} UNION ALL ${itemsSql}`,
    );
    const untold = standings.filter(
      ({ state, told }) => told !== state && !isApproval(state, told),
    );
    const holes = await world.query<{ number: number }>(
      `SELECT i.number FROM incident i JOIN timeline_entry t ON t.incident_id = i.id
       GROUP BY i.id HAVING count(*) <> i.timeline_head OR max(t.position) <> i.timeline_head`,
    );
    return [
      ...untold.map(
        ({ subject, state, told }) =>
          `${subject} is ${state}, the timeline says ${told ?? 'nothing'}`,
      ),
      ...holes.map(({ number }) => `the timeline of incident ${number} has a hole`),
      ...(this.steps % stepsBetween === 0 ? await this.changed(world) : []),
    ];
  }

  async atRest(world: World): Promise<string[]> {
    const found = await this.changed(world);
    for (const table of Object.keys(kept))
      for (const sql of [
        `UPDATE ${table} SET data = data`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
      ])
        if (await this.isLet(world, sql.replace('SET data = data', `SET ${columnOf(table)}`)))
          found.push(`the database lets the service ${sql.split(' ')[0] ?? ''} ${table}`);
    return found;
  }

  /** Rows that were seen before have to be as they were. */
  private async changed(world: World): Promise<string[]> {
    const found: string[] = [];
    for (const [table, order] of Object.entries(kept)) {
      const before = this.content.get(table);
      const hashed = async (rows: number | null) => {
        const [row] = await world.query<{ rows: number; hash: string }>(
          `SELECT count(*) AS rows, coalesce(md5(string_agg(one.line, '' ORDER BY one.place)), '') AS hash
           FROM (SELECT row_number() OVER (ORDER BY ${this.arrival(table, order)}) AS place, t::text AS line FROM ${table} t
                 ORDER BY 1 LIMIT $1) one`,
          [rows],
        );
        return row ?? { rows: 0, hash: '' };
      };
      if (before !== undefined && (await hashed(before.rows)).hash !== before.hash)
        found.push(`what stood in ${table} before has changed`);
      this.content.set(table, await hashed(null));
    }
    return found;
  }

  /** Rows come in the order of their arrival, so that what was there before comes first. */
  private arrival(table: string, order: string): string {
    return table === 'audit_entry' ? order : `t.xmin::text::bigint, ${order}`;
  }

  private async isLet(world: World, sql: string): Promise<boolean> {
    return world.database.database.query(sql).then(
      () => true,
      () => false,
    );
  }
}

/** Approvals are told one by one; the plan is approved with the last that it needs. */
function isApproval(state: string, told: string | null): boolean {
  return state === 'approved' && told === 'proposed';
}

function columnOf(table: string): string {
  return table === 'journal_entry' ? 'reason = reason' : 'data = data';
}
