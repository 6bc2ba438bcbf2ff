import type { Random } from '../../../demo/generator/random.js';
import type { Caller } from '../../../src/access/caller.js';
import { CaseService } from '../../../src/incidents/case.service.js';
import { DeclarationService } from '../../../src/incidents/declaration.service.js';
import { IncidentService } from '../../../src/incidents/incident.service.js';
import { verdicts, type Verdict } from '../../../src/incidents/verdict/verdict.js';
import { ApprovalService } from '../../../src/restore/approvals/approval.service.js';
import { PlanService } from '../../../src/restore/plans/plan.service.js';
import { RunControlService } from '../../../src/restore/runs/run-control.service.js';
import { RunResumeService } from '../../../src/restore/runs/run-resume.service.js';
import { RunStartService } from '../../../src/restore/runs/run-start.service.js';
import { SettlementService } from '../../../src/restore/runs/settlement.service.js';
import { UndoService } from '../../../src/restore/runs/undo.service.js';
import { ShopService } from '../../../src/shops/shop.service.js';
import type { SimulatedProcess } from '../process.js';
import { shopId, type World } from '../world.js';
import type { Act } from './act.js';

interface Deed {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly random: Random;
}

interface PlanRow {
  readonly id: string;
  readonly number: number;
  readonly hash: string;
}

interface RunRow {
  readonly id: string;
  readonly number: number;
}

/** Who asks: mostly somebody who may. */
function somebody({ world, random }: Deed, ...usual: readonly Caller[]): Caller {
  const { admin, robin, alex, kim, bot } = world.people;
  return random.chance(0.85) ? random.pick(usual) : random.pick([admin, robin, alex, kim, bot]);
}

async function oneOf<T extends object>(
  { world, random }: Deed,
  sql: string,
): Promise<T | undefined> {
  const rows = await world.query<T>(sql, [shopId]);
  return rows.length === 0 ? undefined : random.pick(rows);
}

/** The process does it as this person asks, and the trace says what came of it. */
async function ask(
  { world, process }: Deed,
  { who, what }: { who: Caller; what: string },
  work: () => Promise<unknown>,
): Promise<void> {
  const ended = await process.do(async () => {
    await work();
    return 'done';
  });
  world.tell(`${who.name} (${process.name}) ${what}`, ended);
}

const openIncident = `SELECT id, number FROM incident WHERE shop_id = $1 AND status <> 'resolved' ORDER BY number`;
const plansIn = (states: string) =>
  `SELECT id, number, hash FROM restore_plan WHERE shop_id = $1 AND state IN (${states}) ORDER BY number`;
const runsIn = (states: string) =>
  `SELECT r.id, p.number FROM restore_run r JOIN restore_plan p ON p.id = r.plan_id
   WHERE r.shop_id = $1 AND r.state IN (${states}) ORDER BY p.number`;

async function declare(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const who = somebody(deed, world.people.robin);
  const since = new Date(world.now().getTime() - random.pick([60_000, 3_600_000]));
  const filter = random.pick([{ actor: 'unpaid-orders' }, {}]);
  await ask(deed, { who, what: 'declares an incident' }, () =>
    process.get(DeclarationService).declare(who, {
      ...{ shopId, since, until: null, filter, reason: 'customers call', severity: null },
    }),
  );
}

async function propose(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const waiting = await oneOf<PlanRow>(deed, plansIn(`'proposed', 'approved'`));
  if (waiting !== undefined && random.chance(0.8)) return startRun(deed);
  const incident = await oneOf<{ id: string; number: number }>(deed, openIncident);
  if (incident === undefined) return declare(deed);
  const who = somebody(deed, world.people.robin);
  const cases = await world.query<{ id: string }>(
    'SELECT id FROM incident_case WHERE incident_id = $1 ORDER BY cancel_position, order_id',
    [incident.id],
  );
  const first = random.whole(0, cases.length - 1);
  const chosen = random.chance(0.8) ? null : cases.slice(first, first + random.whole(1, 4));
  const caseIds = chosen?.map(({ id }) => id) ?? null;
  const which = caseIds === null ? 'all' : `${caseIds.length} chosen`;
  await ask(deed, { who, what: `proposes (incident ${incident.number}, ${which})` }, () =>
    process.get(PlanService).propose(who, { incidentId: incident.id, caseIds }),
  );
}

async function vote(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const plan = await oneOf<PlanRow>(deed, plansIn(`'proposed', 'approved'`));
  if (plan === undefined) return propose(deed);
  const who = somebody(deed, world.people.alex, world.people.kim);
  const decision = random.chance(0.92) ? 'approved' : 'rejected';
  const breakGlass = random.chance(0.05);
  const hash = random.chance(0.95) ? plan.hash : 'another';
  await ask(deed, { who, what: `says ${decision} of plan ${plan.number}` }, () =>
    process.get(ApprovalService).vote(plan.id, {
      ...{ caller: who, decision, hash, breakGlass, reason: breakGlass ? 'nobody answers' : null },
    }),
  );
}

async function startRun(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const approved = await world.query<PlanRow>(plansIn(`'approved'`), [shopId]);
  const plan = random.chance(0.7)
    ? approved.at(-1)
    : approved[random.whole(0, approved.length - 1)];
  if (plan === undefined) return vote(deed);
  if (random.chance(0.8) && !(await mayWrite(world))) return killSwitch(deed);
  const override = random.chance(0.65) ? { reason: 'customers cannot wait' } : null;
  const who = somebody(deed, override === null ? world.people.robin : world.people.kim);
  const { id: planId, hash, number } = plan;
  const what = `starts plan ${number}${override === null ? '' : ' although it bleeds'}`;
  await ask(deed, { who, what }, () =>
    process.get(RunStartService).start(who, { planId, hash, override }),
  );
}

async function mayWrite(world: World): Promise<boolean> {
  const rows = await world.query(
    'SELECT FROM shop WHERE id = $1 AND armed_at IS NOT NULL AND stopped_at IS NULL',
    [shopId],
  );
  return rows.length > 0;
}

async function pause(deed: Deed): Promise<void> {
  const run = await oneOf<RunRow>(deed, runsIn(`'running'`));
  if (run === undefined) return startRun(deed);
  const who = somebody(deed, deed.world.people.robin);
  await ask(deed, { who, what: `pauses run ${run.number}` }, () =>
    deed.process.get(RunControlService).pause(who, run.id, null),
  );
}

async function abort(deed: Deed): Promise<void> {
  const run = await oneOf<RunRow>(deed, runsIn(`'running', 'paused'`));
  if (run === undefined) return startRun(deed);
  const who = somebody(deed, deed.world.people.robin);
  await ask(deed, { who, what: `aborts run ${run.number}` }, () =>
    deed.process.get(RunControlService).stop(who, run.id, 'not now'),
  );
}

async function resume(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const run = await oneOf<RunRow>(deed, runsIn(`'paused', 'stopped', 'finished'`));
  if (run === undefined) return startRun(deed);
  const who = somebody(deed, world.people.robin, world.people.kim);
  const failedToo = random.chance(0.5);
  const override = random.chance(0.35) ? { reason: 'customers cannot wait' } : null;
  const what = `${failedToo ? 'retries' : 'resumes'} run ${run.number}`;
  await ask(deed, { who, what }, () =>
    process.get(RunResumeService).resume(who, { runId: run.id, failedToo, override }),
  );
}

async function undo(deed: Deed): Promise<void> {
  const run = await oneOf<RunRow>(deed, runsIn(`'stopped', 'finished'`));
  if (run === undefined) return startRun(deed);
  const who = somebody(deed, deed.world.people.robin);
  await ask(deed, { who, what: `proposes to undo run ${run.number}` }, () =>
    deed.process.get(UndoService).propose(who, run.id),
  );
}

interface CaseRow {
  readonly id: string;
  readonly incidentId: string;
  readonly orderId: string;
}

async function judge(deed: Deed): Promise<void> {
  const { random } = deed;
  const found = await oneOf<CaseRow>(
    deed,
    `SELECT id, incident_id AS "incidentId", order_id AS "orderId" FROM incident_case
     WHERE shop_id = $1 ORDER BY cancel_position, order_id, created_at`,
  );
  if (found === undefined) return declare(deed);
  return decide(deed, found, random.chance(0.6) ? 'wrongful' : random.pick(verdicts));
}

/** Of an order whose restore is approved, or is under way and has not come to it, somebody finds that it was meant. */
async function judgePlanned(deed: Deed): Promise<void> {
  const found = await oneOf<CaseRow>(
    deed,
    `SELECT c.id, c.incident_id AS "incidentId", c.order_id AS "orderId"
     FROM restore_plan p JOIN restore_plan_item i ON i.plan_id = p.id JOIN incident_case c ON c.id = i.case_id
       LEFT JOIN restore_run_item r ON r.plan_item_id = i.id
     WHERE p.shop_id = $1 AND p.state IN ('approved', 'run') AND p.action = 'restore' AND i.disposition = 'reopen' AND c.verdict = 'wrongful'
       AND (r.id IS NULL OR r.state = 'pending')
     ORDER BY c.cancel_position, c.order_id, c.created_at`,
  );
  if (found === undefined) return startRun(deed);
  return decide(deed, found, deed.random.pick(['intended', 'unsure']));
}

async function decide(deed: Deed, found: CaseRow, verdict: Verdict): Promise<void> {
  const { world, process } = deed;
  const who = somebody(deed, world.people.robin);
  const { id: caseId, incidentId, orderId } = found;
  await ask(deed, { who, what: `judges order ${orderId} ${verdict}` }, () =>
    process
      .get(CaseService)
      .decideVerdict(who, { incidentId, caseId, verdict, reason: 'looked at it' }),
  );
}

async function resolve(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const incident = await oneOf<{ id: string; number: number }>(deed, openIncident);
  if (incident === undefined) return reopen(deed);
  const who = somebody(deed, world.people.robin);
  const override = random.chance(0.3) ? 'it is over' : null;
  await ask(deed, { who, what: `resolves incident ${incident.number}` }, () =>
    process.get(IncidentService).resolve(who, incident.id, { reason: 'done', override }),
  );
}

async function reopen(deed: Deed): Promise<void> {
  const incident = await oneOf<{ id: string; number: number }>(
    deed,
    `SELECT id, number FROM incident WHERE shop_id = $1 AND status = 'resolved' ORDER BY number`,
  );
  if (incident === undefined) return;
  const who = somebody(deed, deed.world.people.robin);
  await ask(deed, { who, what: `reopens incident ${incident.number}` }, () =>
    deed.process.get(IncidentService).reopen(who, incident.id, 'it goes on'),
  );
}

/** A person finds out in the shop what became of an order, and says so: the truth. */
async function settle(deed: Deed): Promise<void> {
  const { world, process } = deed;
  const item = await oneOf<{ id: string; runId: string; orderId: string; planItemId: string }>(
    deed,
    `SELECT id, run_id AS "runId", order_id AS "orderId", plan_item_id AS "planItemId" FROM restore_run_item
     WHERE shop_id = $1 AND state = 'unknown' ORDER BY order_id, span_position`,
  );
  if (item === undefined) return;
  const who = somebody(deed, world.people.kim);
  const isWritten = world.writes.some((write) => write.item.itemId === item.planItemId);
  const outcome = isWritten ? 'applied' : 'not-applied';
  const { id: itemId, runId, orderId } = item;
  await ask(deed, { who, what: `settles order ${orderId} as ${outcome}` }, () =>
    process
      .get(SettlementService)
      .settle(who, { runId, itemId, outcome, reason: 'seen in the shop' }),
  );
}

async function killSwitch(deed: Deed): Promise<void> {
  const { world, process, random } = deed;
  const { admin } = world.people;
  const shops = process.get(ShopService);
  const deeds = {
    stops: () => shops.stop(admin, shopId, 'something is odd'),
    'lets go on': () => shops.resume(admin, shopId),
    disarms: () => shops.disarm(admin, shopId),
    arms: () => shops.arm(admin, shopId),
  };
  const [shop] = await world.query<{ armed: boolean; stopped: boolean }>(
    'SELECT armed_at IS NOT NULL AS armed, stopped_at IS NOT NULL AS stopped FROM shop WHERE id = $1',
    [shopId],
  );
  const ways = [
    ...(shop?.stopped === true ? (['lets go on'] as const) : []),
    ...(shop?.armed === true ? [] : (['arms'] as const)),
  ];
  const what = random.pick(ways.length > 0 ? ways : (['stops', 'stops', 'disarms'] as const));
  await ask(deed, { who: admin, what: `${what} the shop` }, deeds[what]);
}

const deeds = {
  ...{ declare, propose, vote, startRun, pause, abort, resume, undo, judge, resolve, reopen },
  ...{ settle, killSwitch, judgePlanned },
};

/** A person does something, by whichever process answers. */
export const personActs: Act = {
  name: 'a person acts',
  weight: 22,
  async run(world, random) {
    const able = world.able();
    if (able.length === 0) return;
    const deed = { world, process: random.pick(able), random };
    const kind = random.weighted({
      ...{ declare: 1, propose: 4, vote: 5, startRun: 8, pause: 1, abort: 1, resume: 3, undo: 1 },
      ...{ judge: 2, judgePlanned: 2, resolve: 1, reopen: 1, settle: 2, killSwitch: 1 },
    });
    await deeds[kind](deed);
  },
};
