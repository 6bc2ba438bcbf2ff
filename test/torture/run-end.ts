import { until } from '../../demo/story/waiting.js';
import { patienceMs } from './patience.js';
import type { Stage } from './stage.js';

interface RunRow {
  readonly state: string;
  readonly reason: string | null;
  /** for a person to say what became of an order; an echo that is late comes by itself */
  readonly waits: boolean;
  readonly failed: number;
}

export async function runOf(stage: Stage, runId: string): Promise<RunRow> {
  const [row] = await stage.query<RunRow>(
    `SELECT state, stop_reason AS reason,
       waiting_since IS NOT NULL AND EXISTS (SELECT FROM restore_run_item WHERE run_id = r.id AND state = 'unknown') AS waits,
       (SELECT count(*)::int FROM restore_run_item WHERE run_id = r.id AND state = 'failed') AS failed
     FROM restore_run r WHERE id = $1`,
    [runId],
  );
  if (row === undefined) throw new Error('the run is gone');
  return row;
}

/**
 * Stops that a person may answer by letting the run go on: the shop was away, or held its orders; or a cancellation
 * of its own traffic was not judged within a minute of the service's clock, which is put ahead.
 */
const answerable = ['lock-timeouts', 'failure-rate', 'still-bleeding'];
const helpsMax = 5;

/** Waits for the run's end; a person does what only a person may. Gives what that was. */
export async function toItsEnd(stage: Stage, runId: string): Promise<string[]> {
  const helped: string[] = [];
  const look = async () => {
    const run = await runOf(stage, runId);
    if (run.state === 'finished' && run.failed === 0) return true;
    stage.advance(500);
    if (run.state === 'running' && !run.waits) return undefined;
    const help = run.waits ? 'settled' : await goOn(stage, runId, run);
    if (run.waits) await settle(stage, runId);
    if (help !== undefined) helped.push(help);
    if (helped.length > helpsMax) throw new Error(`helped in vain: ${helped.join('; ')}`);
    return undefined;
  };
  try {
    await until('the run to finish', look, { timeoutMs: patienceMs, everyMs: 150 });
  } catch (error) {
    throw new Error(await standingOf(stage, runId), { cause: error });
  }
  return helped;
}

/** Where a run got stuck, for whoever looks for the cause: itself, its orders, the stream, and who waits for whom. */
async function standingOf(stage: Stage, runId: string): Promise<string> {
  const [row] = await stage.query<{ standing: object }>(
    `SELECT jsonb_build_object('run', to_jsonb(r) - 'limits',
       'items', (SELECT jsonb_agg(jsonb_build_array(order_id, stage, state, reason, attempts, transaction_id, echo_position))
                   FROM restore_run_item WHERE run_id = r.id),
       'stream', jsonb_build_array(s.state, s.problem, s.confirmed_lsn),
       'leases', (SELECT jsonb_object_agg(l.name, l.expires_at) FROM work_lease l),
       'waiting', (SELECT jsonb_agg(jsonb_build_array(w.pid, left(w.query, 120), h.pid, h.state, left(h.query, 120)))
                     FROM pg_stat_activity w JOIN pg_stat_activity h ON h.pid = ANY (pg_blocking_pids(w.pid)))) AS standing
     FROM restore_run r JOIN replication_stream s ON s.shop_id = r.shop_id WHERE r.id = $1`,
    [runId],
  );
  return `the run does not get to its end: ${JSON.stringify(row?.standing)}`;
}

/** A person lets a stopped run go on; what they did, or undefined where it may not go on yet. */
export async function goOn(
  stage: Stage,
  runId: string,
  { state, reason }: RunRow,
): Promise<string | undefined> {
  if (state === 'stopped' && !answerable.includes(reason ?? ''))
    throw new Error(`the run stopped: ${reason ?? 'no reason'}`);
  const robin = await stage.as('robin');
  const answer = await robin.post(`/api/v1/restore-runs/${runId}/retry`, undefined);
  if (answer.status < 300) return `went on by hand (${reason ?? 'orders had failed'})`;
  if (answer.body['code'] === 'nothing-to-retry') {
    const resumed = await robin.post(`/api/v1/restore-runs/${runId}/resume`, undefined);
    if (resumed.status < 300) return `went on by hand (${reason ?? state})`;
  }
  return undefined;
}

/** Alex looks into the shop, and says what became of the orders of which nobody knows. */
async function settle(stage: Stage, runId: string): Promise<void> {
  const items = await stage.query<{ id: string; orderId: string }>(
    `SELECT id, order_id AS "orderId" FROM restore_run_item WHERE run_id = $1 AND state = 'unknown'`,
    [runId],
  );
  const alex = await stage.as('alex');
  for (const { id, orderId } of items) {
    const { rows } = await stage.pool.query<{ open: boolean }>(
      `SELECT status <> 'cancelled' AS open FROM shop.orders WHERE id = $1`,
      [orderId],
    );
    const outcome = rows[0]?.open === true ? 'applied' : 'not-applied';
    const path = `/api/v1/restore-runs/${runId}/items/${id}/settle`;
    await alex.post(path, { outcome, reason: 'looked into the shop' });
  }
}

/** How the orders of a run came to their end, in words. */
export async function toldOf(stage: Stage, runId: string): Promise<string> {
  const [row] = await stage.query<{ unknown: number; again: number }>(
    `SELECT count(*) FILTER (WHERE a.outcome = 'unknown')::int AS unknown,
            count(*) FILTER (WHERE a.outcome IN ('not-applied', 'retry'))::int AS again
       FROM restore_attempt a JOIN restore_run_item i ON i.id = a.run_item_id WHERE i.run_id = $1`,
    [runId],
  );
  const parts = [
    Number(row?.unknown) > 0 ? `${row?.unknown} unknown, resolved` : '',
    Number(row?.again) > 0 ? `${row?.again} tried again` : '',
    'all verified',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
