import { takeSnapshot } from '../../demo/proof/snapshot.js';
import type { StruckOrder } from '../../demo/proof/proof-input.js';
import { until } from '../../demo/story/waiting.js';
import { proofFaults, rowFaults, runFaults, type Truth } from './checks.js';
import type { Draw } from './draw.js';
import { cancelByJob, placePaid, rowsOf } from './orders.js';
import { patienceMs } from './patience.js';
import { done, type Stage } from './stage.js';
import { goOn, runOf, toItsEnd, toldOf } from './run-end.js';
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
  if (!wasStruck && draw.point !== 'random' && faults.length === 0)
    faults.push(`nothing struck: the run never came by "${draw.point}" (see strike.ts)`);
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
  const helped: string[] = [];
  if (draw !== undefined && sprung !== undefined) {
    const isCaught = await isSprung(stage, sprung, { runId, helped });
    if (isCaught) aftercare = await strike(stage, draw);
    stage.current.toShop.disarm();
    stage.current.toOwn.disarm();
  }
  helped.push(...(await toItsEnd(stage, runId)));
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

/** False where the run ends before it comes by the point; one that its shop's traffic stops before goes on by hand. */
async function isSprung(
  stage: Stage,
  sprung: Promise<void>,
  { runId, helped }: { runId: string; helped: string[] },
): Promise<boolean> {
  let isOver = false;
  const ends = async () => {
    const run = await runOf(stage, runId);
    if (isOver) return true;
    if (run.state === 'running') return undefined;
    if (run.reason !== 'still-bleeding') return true;
    stage.advance(2_000);
    const help = await goOn(stage, runId, run);
    if (help !== undefined) helped.push(help);
    return undefined;
  };
  const ended = until('the run to end', ends, { timeoutMs: patienceMs });
  const wins = Promise.race([sprung.then(() => true), ended.then(() => false)]);
  // the loser is not waited for
  ended.catch(() => undefined);
  return wins.finally(() => (isOver = true));
}
