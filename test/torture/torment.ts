import { takeSnapshot } from '../../demo/proof/snapshot.js';
import type { StruckOrder } from '../../demo/proof/proof-input.js';
import { until } from '../../demo/story/waiting.js';
import { proofFaults, rowFaults, runFaults, type Truth } from './checks.js';
import type { Draw } from './draw.js';
import { cancelByJob, placePaid, rowsOf } from './orders.js';
import { done, type Stage } from './stage.js';
import { lay, strike, type Aftercare } from './strike.js';

/** What came of one torment. */
export interface Outcome {
  readonly draw: Draw;
  /** the run came by the point; else it had ended before */
  readonly wasStruck: boolean;
  readonly words: string;
  readonly seconds: number;
  readonly faults: readonly string[];
}

const patienceMs = 120_000;

interface Harm {
  readonly incidentId: string;
  readonly struck: readonly StruckOrder[];
}

interface Ended {
  readonly wasStruck: boolean;
  /** what a person had to do */
  readonly helped: readonly string[];
}

/** Orders are cancelled wrongly and restored (or taken back), it strikes on the way, and all must be well in the end. */
export async function torment(stage: Stage, draw: Draw): Promise<Outcome> {
  const startedAt = performance.now();
  const orders: string[] = [];
  for (const lines of draw.orders) orders.push(await placePaid(stage.pool, lines));
  const before = await takeSnapshot(stage.shop.databaseUrl);
  const harm = await harmTo(stage, draw, orders);
  const harmed = await rowsOf(stage.pool, orders);
  const restoring = await planOf(stage, `/api/v1/incidents/${harm.incidentId}/restore-plans`);
  const first = await carryOut(stage, restoring, draw.act === 'restore' ? draw : undefined);
  const { struck } = harm;
  const restored: Truth = { ...first.truth, orders, writesOfEach: 1 };
  const faults = await runFaults(stage, restored);
  faults.push(...(await proofFaults(stage, { ...restored, before, struck })));
  let last = first;
  if (draw.act === 'undo' && faults.length === 0) {
    const undoing = await planOf(stage, `/api/v1/restore-runs/${first.truth.runId}/undo`);
    last = await carryOut(stage, undoing, draw);
    const undone: Truth = { ...last.truth, orders, writesOfEach: 2 };
    faults.push(...(await runFaults(stage, undone)));
    faults.push(...(await rowFaults(stage, orders, harmed)));
  }
  await stage.endOthers();
  const { wasStruck, helped } = last.ended;
  const words = [await toldOf(stage, last.truth.runId), ...helped].join('; ');
  const seconds = (performance.now() - startedAt) / 1000;
  return { draw, wasStruck, words, seconds, faults };
}

/** A job cancels the orders, and the incident about that is declared, with all its cases judged. */
async function harmTo(stage: Stage, { seed }: Draw, orders: readonly string[]): Promise<Harm> {
  const job = `job-${seed}-${orders[0] ?? ''}`;
  const since = new Date(Date.now() - 60_000).toISOString();
  const struck: StruckOrder[] = [];
  for (const orderId of orders) struck.push(await cancelByJob(stage.pool, orderId, job));
  const robin = await stage.as('robin');
  const declared = await done(
    robin.post('/api/v1/incidents', {
      shop: stage.shopId,
      since,
      filter: { actor: job },
      reason: 'customers call',
    }),
  );
  const incidentId = String(declared['id']);
  const judged = async () => {
    const [row] = await stage.query<{ count: number }>(
      `SELECT count(*) FROM incident_case WHERE incident_id = $1 AND verdict = 'wrongful' AND settles_at IS NULL`,
      [incidentId],
    );
    if (Number(row?.count) === orders.length) return true;
    stage.advance(1_000);
    return undefined;
  };
  await until('all cases judged', judged, { timeoutMs: patienceMs, everyMs: 200 });
  return { incidentId, struck };
}

interface Plan {
  readonly id: string;
  readonly hash: string;
}

/** Proposed by one person and approved by another. */
async function planOf(stage: Stage, path: string): Promise<Plan> {
  const plan = await done((await stage.as('robin')).post(path, undefined));
  if (plan['person'] !== 0) throw new Error(`orders are left to people: ${JSON.stringify(plan)}`);
  const { id, hash } = plan as unknown as Plan;
  const vote = { decision: 'approved', planHash: hash };
  await done((await stage.as('alex')).post(`/api/v1/restore-plans/${id}/approvals`, vote));
  return { id, hash };
}

/** Starts a plan and brings its run to its end; where there is a draw, it strikes on the way. */
async function carryOut(
  stage: Stage,
  plan: Plan,
  draw: Draw | undefined,
): Promise<{ truth: Pick<Truth, 'planId' | 'runId'>; ended: Ended }> {
  stage.prepare();
  let runId = '';
  const sprung = draw === undefined ? undefined : lay(stage, draw, () => runId);
  // where the start fails, that is what is told
  sprung?.catch(() => undefined);
  runId = await start(stage, plan);
  let aftercare: Aftercare | undefined;
  if (draw !== undefined && sprung !== undefined) {
    if (await isSprung(stage, sprung, runId)) aftercare = await strike(stage, draw);
    stage.current.toShop.disarm();
    stage.current.toOwn.disarm();
  }
  const helped = await toItsEnd(stage, runId);
  await aftercare?.();
  // what a woken process still did may have called for something more
  const later = aftercare === undefined ? [] : await toItsEnd(stage, runId);
  const ended = { wasStruck: aftercare !== undefined, helped: [...helped, ...later] };
  return { truth: { planId: plan.id, runId }, ended };
}

async function start(stage: Stage, { id, hash }: Plan): Promise<string> {
  const robin = await stage.as('robin');
  return until(
    'quiet enough to start',
    async () => {
      const answer = await robin.post(`/api/v1/restore-plans/${id}/runs`, { planHash: hash });
      if (answer.status < 300) return String(answer.body['id']);
      if (answer.body['code'] !== 'still-bleeding') throw new Error(answer.text);
      stage.advance(2_000);
      return undefined;
    },
    { timeoutMs: patienceMs, everyMs: 100 },
  );
}

/** False where the run ends before it comes by the point. */
async function isSprung(stage: Stage, sprung: Promise<void>, runId: string): Promise<boolean> {
  let isOver = false;
  const ends = async () => isOver || (await runOf(stage, runId)).state !== 'running' || undefined;
  const ended = until('the run to end', ends, { timeoutMs: patienceMs });
  const wins = Promise.race([sprung.then(() => true), ended.then(() => false)]);
  // the loser is not waited for
  ended.catch(() => undefined);
  return wins.finally(() => (isOver = true));
}

interface RunRow {
  readonly state: string;
  readonly reason: string | null;
  readonly waits: boolean;
  readonly failed: number;
}

async function runOf(stage: Stage, runId: string): Promise<RunRow> {
  const [row] = await stage.query<RunRow>(
    `SELECT state, stop_reason AS reason, waiting_since IS NOT NULL AS waits,
       (SELECT count(*)::int FROM restore_run_item WHERE run_id = r.id AND state = 'failed') AS failed
     FROM restore_run r WHERE id = $1`,
    [runId],
  );
  if (row === undefined) throw new Error('the run is gone');
  return row;
}

/** Stops that a person may answer by letting the run go on: the shop was away, or held its orders. */
const answerable = ['lock-timeouts', 'failure-rate'];
const helpsMax = 5;

/** Waits for the run's end; a person does what only a person may. Gives what that was. */
async function toItsEnd(stage: Stage, runId: string): Promise<string[]> {
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

/** Where a run got stuck, for whoever looks for the cause. */
async function standingOf(stage: Stage, runId: string): Promise<string> {
  const [row] = await stage.query<{ standing: object }>(
    `SELECT jsonb_build_object('run', to_jsonb(r) - 'limits', 'stream', to_jsonb(s),
       'items', (SELECT jsonb_agg(jsonb_build_array(order_id, stage, state, reason, attempts, transaction_id, echo_position))
                   FROM restore_run_item WHERE run_id = r.id),
       'leases', (SELECT jsonb_agg(to_jsonb(l)) FROM work_lease l)) AS standing
     FROM restore_run r JOIN replication_stream s ON s.shop_id = r.shop_id WHERE r.id = $1`,
    [runId],
  );
  return `the run does not get to its end: ${JSON.stringify(row?.standing)}`;
}

async function goOn(
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
async function toldOf(stage: Stage, runId: string): Promise<string> {
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
