import type { Bleeding, Incident, OrderView, Plan, PlanItem, Run, RunItem } from './api-types.js';
import { askForApproval } from './approval.js';
import { canaryFault } from './canary.js';
import { ProblemError } from './json-client.js';
import { shopId, type Stage } from './stage.js';
import { count, teller } from './teller.js';
import { allOf, pause, until } from './waiting.js';

/** The first order's changes are told one by one, those of so many others in brief. */
const toldItems = 100;
const runTimeoutMs = 300_000;
const restOfVerdictsMs = 5_000;
const toldEveryMs = 1_000;

export interface Restored {
  readonly plan: Plan;
  readonly items: readonly PlanItem[];
  readonly run: Run;
}

/** A restore is refused while orders are still being cancelled; so the job is stopped first. */
export async function stopTheHarm(stage: Stage, incidentId: string): Promise<void> {
  teller.chapter('No restore while it still bleeds');
  await stage.robin.post(`/incidents/${incidentId}/acknowledge`);
  await stage.admin.post(`/shops/${shopId}/arm`);
  teller.say(
    'Robin acknowledges; an admin arms the shop: from now on an approved plan may be written to it',
  );
  const plan = await stage.robin.post<Plan>(`/incidents/${incidentId}/restore-plans`);
  await approve(stage, plan);
  teller.say(
    'Robin plans a restore, Alex approves it, and Robin starts it while the job still runs:',
  );
  await until('one more order to be hit', () => hasJustBled(stage, incidentId), {
    timeoutMs: 60_000,
  });
  try {
    await stage.robin.post(`/restore-plans/${plan.id}/runs`);
    throw new Error('the restore was started although the job still cancels orders');
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'still-bleeding') throw error;
    teller.good(`refused: ${error.problem.detail}`);
  }
}

/** The job rests between two orders, at the end of which a restore might just be let through. */
async function hasJustBled(stage: Stage, incidentId: string): Promise<true | undefined> {
  const { mayBeOverAt } = await stage.robin.get<Bleeding>(`/incidents/${incidentId}/bleeding`);
  return Date.parse(mayBeOverAt ?? '') > Date.now() + 1_000 || undefined;
}

/** Plan, approval by a second person, one canary order, the rest, each read back and verified. */
export async function restoreTheOrders(
  stage: Stage,
  { incidentId, once, signal }: { incidentId: string; once: boolean; signal: AbortSignal },
): Promise<Restored> {
  teller.chapter('The restore');
  const plan = await propose(stage, incidentId);
  const items = await allOf<PlanItem>(stage.robin, `/restore-plans/${plan.id}/items`);
  tellPlan(plan, items);
  if (!once) await askForApproval(plan, { signal });
  await approve(stage, plan);
  teller.say(`Alex approves plan ${plan.number} (bound to its hash ${plan.hash.slice(0, 12)}...)`);
  const run = await carryOut(stage, plan);
  await tellCanary(stage, run);
  await tellOneOrder(stage, items);
  return { plan, items, run };
}

/** Waits for the quiet that a restore asks for, and for the verdicts, then proposes. */
async function propose(stage: Stage, incidentId: string): Promise<Plan> {
  await until(
    'the bleeding to stop',
    async () => {
      const { bleeding } = await stage.robin.get<Bleeding>(`/incidents/${incidentId}/bleeding`);
      return bleeding ? undefined : true;
    },
    { timeoutMs: 300_000, everyMs: 250 },
  );
  teller.good('no more orders are hit, and the journal has seen all that the shop has committed');
  const unsure = await unsureInTheEnd(stage, incidentId);
  if (unsure > 0) teller.say(`${count(unsure, 'case')} unsure to the end: left to people`);
  return stage.robin.post<Plan>(`/incidents/${incidentId}/restore-plans`);
}

/** How many cases stay unsure once their verdicts have come to rest: whoever lacked a later row is judged again. */
async function unsureInTheEnd(stage: Stage, incidentId: string): Promise<number> {
  let last = { unsure: -1, since: performance.now() };
  return until(
    'the verdicts to come to rest',
    async () => {
      const { cases } = await stage.robin.get<Incident>(`/incidents/${incidentId}`);
      const unsure = cases.byVerdict['unsure'] ?? 0;
      if (unsure !== last.unsure) last = { unsure, since: performance.now() };
      const rests = unsure === 0 || performance.now() - last.since >= restOfVerdictsMs;
      return rests ? { unsure } : undefined;
    },
    { timeoutMs: 60_000, everyMs: 250 },
  ).then(({ unsure }) => unsure);
}

function tellPlan(plan: Plan, items: readonly PlanItem[]): void {
  teller.say(
    `plan ${plan.number}: ${count(plan.reopen, 'order')} set back exactly, ${plan.person} left to people; before anything is written, it says what changes:`,
  );
  const reopened = items.filter(({ disposition }) => disposition === 'reopen');
  const [first, ...others] = reopened;
  if (first !== undefined) {
    const { headline, changes, risks } = first.words;
    teller.list([headline, ...[...changes, ...risks].map((line) => `  ${line}`)]);
  }
  for (const { words } of others.slice(0, toldItems))
    teller.list([words.headline, `  ${inBrief(words.changes)}`]);
  const untold = others.length - toldItems;
  if (untold > 0)
    teller.list([
      `... and ${count(untold, 'more order')}: npx reinstate plan items ${plan.id} tells them all`,
    ]);
  for (const { words, disposition } of items) {
    if (disposition === 'person') teller.list([words.headline]);
  }
  teller.list(plan.notes);
}

/** Of an order's changes those that a person looks for first; the first order was told whole. */
function inBrief(changes: readonly string[]): string {
  const told = changes.filter((words) =>
    /^status: |, quantity: |^shop\.orders\.total_minor: /.test(words),
  );
  const untold = changes.length - told.length;
  return [...told, ...(untold > 0 ? [`and ${count(untold, 'change')} more`] : [])].join('; ');
}

async function approve(stage: Stage, plan: Plan): Promise<void> {
  await stage.alex.post(`/restore-plans/${plan.id}/approvals`, {
    decision: 'approved',
    planHash: plan.hash,
  });
}

async function carryOut(stage: Stage, plan: Plan): Promise<Run> {
  const started = await until('quiet enough to start', () => startRun(stage, plan), {
    timeoutMs: 300_000,
    everyMs: 1_000,
  });
  teller.say('the run starts: one order first, the canary');
  let told = { verified: 0, at: performance.now() };
  let stopTold = false;
  return until(
    'the run to end',
    async () => {
      const run = await stage.robin.get<Run>(`/restore-runs/${started.id}`);
      const verified = run.items['verified'] ?? 0;
      const isDue = told.verified === 0 || performance.now() - told.at >= toldEveryMs;
      if (verified > told.verified && (isDue || run.state === 'finished')) {
        const words = `${count(verified, 'order')} restored, read back and seen in the shop’s own stream`;
        teller.say(told.verified === 0 ? `the canary held; the rest follows: ${words}` : words);
        told = { verified, at: performance.now() };
      }
      if (run.state === 'stopped') {
        if (!stopTold) tellStop(run);
        stopTold = !(await wasResumed(stage, run));
      }
      return run.state === 'finished' ? run : undefined;
    },
    { timeoutMs: runTimeoutMs, everyMs: 100 },
  );
}

/** The shop's proper job may cancel an order that was never paid meanwhile: then a little more quiet is asked for. */
async function startRun(stage: Stage, plan: Plan): Promise<Run | undefined> {
  try {
    return await stage.robin.post<Run>(`/restore-plans/${plan.id}/runs`);
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'still-bleeding') return undefined;
    throw error;
  }
}

/** The shop's proper job may cancel an order that was never paid while the run goes on: that stops it. */
function tellStop({ stopReason }: Run): void {
  if (stopReason !== 'still-bleeding')
    throw new Error(`the run stopped: ${stopReason ?? 'no reason'}`);
  teller.say(
    'the run has stopped by itself: one more cancellation of this kind came; it goes on once they have ended again',
  );
}

/** Robin lets the run go on, which is refused until it is quiet enough. */
async function wasResumed(stage: Stage, run: Run): Promise<boolean> {
  await pause(1_000);
  try {
    await stage.robin.post(`/restore-runs/${run.id}/resume`);
    teller.say('quiet again: Robin lets the run go on');
    return true;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'still-bleeding') return false;
    throw error;
  }
}

/** @throws where it was none */
async function tellCanary(stage: Stage, run: Run): Promise<void> {
  const items = await allOf<RunItem>(stage.robin, `/restore-runs/${run.id}/items`);
  const fault = canaryFault(items);
  if (fault !== undefined) throw new Error(fault);
  const canary = items.find((item) => item.stage === 0);
  const others = count(items.length - 1, 'other');
  teller.good(`order ${canary?.orderNumber}, the canary, was verified before the ${others}`);
}

async function tellOneOrder(stage: Stage, items: readonly PlanItem[]): Promise<void> {
  const item = items.find(({ disposition }) => disposition === 'reopen');
  if (item === undefined) return;
  const { order } = await stage.robin.get<OrderView>(`/shops/${shopId}/orders/${item.orderId}`);
  teller.good(`order ${item.orderNumber}, read from the shop: status "${order.status}"`);
}

/** Stops the faulty job, as the on-call engineer would. */
export async function stopTheJob(
  stage: Stage,
): Promise<NonNullable<Awaited<ReturnType<Stage['shop']['stopFault']>>>> {
  const fault = await stage.shop.stopFault();
  if (fault === null) throw new Error('the faulty job was not running');
  teller.say(`the job is stopped; it had cancelled ${count(fault.cancelled.length, 'paid order')}`);
  await pause(1_000);
  return fault;
}
