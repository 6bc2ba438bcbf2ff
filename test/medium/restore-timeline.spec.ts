import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { caseStates, type CaseState } from '../../src/incidents/case.js';
import { CaseService } from '../../src/incidents/case.service.js';
import { incidentStatuses, type IncidentStatus } from '../../src/incidents/incident.js';
import { IncidentService } from '../../src/incidents/incident.service.js';
import type { TimelineType } from '../../src/incidents/timeline.js';
import { verdicts, type Verdict } from '../../src/incidents/verdict/verdict.js';
import { ApprovalService } from '../../src/restore/approvals/approval.service.js';
import { PlanExpiryStep } from '../../src/restore/plans/plan-expiry.step.js';
import { planStates, type PlanState } from '../../src/restore/plans/plan.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { RunControlService } from '../../src/restore/runs/run-control.service.js';
import { RunResumeService } from '../../src/restore/runs/run-resume.service.js';
import {
  itemStates,
  runStates,
  type ItemState,
  type RunState,
} from '../../src/restore/runs/run.js';
import { UndoService } from '../../src/restore/runs/undo.service.js';
import type { RestoreItem, RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { Scene } from './restore-scene.js';

/** Which entries tell that something has come to a state. */
type Telling<State extends string> = Readonly<Record<State, readonly TimelineType[]>>;

const plan: Telling<PlanState> = {
  proposed: ['plan-proposed'],
  approved: ['plan-approved'],
  rejected: ['plan-rejected'],
  expired: ['plan-expired'],
  superseded: ['plan-superseded'],
  run: ['run-started'],
};
const run: Telling<RunState> = {
  running: ['run-started', 'run-resumed'],
  paused: ['run-paused'],
  stopped: ['run-stopped'],
  finished: ['run-finished'],
};
const item: Telling<ItemState> = {
  pending: ['run-started', 'run-resumed', 'order-put-back'],
  attempting: ['case-state-changed', 'order-begun'],
  unknown: ['order-unknown'],
  applied: ['order-restored'],
  verified: ['order-verified', 'order-undone'],
  refused: ['order-refused'],
  failed: ['order-failed'],
  undone: ['order-undone'],
};
const changed: readonly TimelineType[] = ['case-state-changed'];
const ofCase: Telling<CaseState> = {
  open: ['case-added', ...changed],
  planned: changed,
  restoring: changed,
  unknown: changed,
  restored: changed,
  person: ['case-added', ...changed],
  closed: changed,
};
const judged: readonly TimelineType[] = ['case-added', 'verdict-changed', 'verdict-set'];
const verdict: Telling<Verdict> = { wrongful: judged, intended: judged, unsure: judged };
const incident: Telling<IncidentStatus> = {
  open: ['incident-declared', 'incident-opened', 'incident-reopened'],
  acknowledged: ['incident-acknowledged'],
  resolved: ['incident-resolved'],
};

/** Each column that holds a state, with its states and with what in an entry's row names the thing. */
const subjects = {
  'restore_plan.state': { telling: plan, states: planStates, names: `t.data->>'planId' = id` },
  'restore_run.state': { telling: run, states: runStates, names: `t.data->>'runId' = id` },
  'restore_run_item.state': {
    ...{ telling: item, states: itemStates },
    names: `(t.case_id::text = row->>'case_id' OR t.data->>'runId' = row->>'run_id')`,
  },
  'incident_case.state': { telling: ofCase, states: caseStates, names: 't.case_id::text = id' },
  'incident_case.verdict': { telling: verdict, states: verdicts, names: 't.case_id::text = id' },
  'incident.status': { telling: incident, states: incidentStatuses, names: 'true' },
} as const;

/** At each commit: what changed its state, and the types of the entries about it that commit with it. */
const watch = `
  CREATE TABLE reinstate.told (subject text, was text, now text, types text[]);
  GRANT SELECT ON reinstate.told TO reinstate_runtime;
  CREATE FUNCTION reinstate.note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  DECLARE
    row jsonb := to_jsonb(NEW);
    was text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> TG_ARGV[0] END;
    id text := row ->> 'id';
    place uuid;
  BEGIN
    IF was IS NOT DISTINCT FROM row ->> TG_ARGV[0] THEN RETURN NULL; END IF;
    place := coalesce(row ->> 'incident_id', (SELECT r.incident_id::text FROM reinstate.restore_run r
      WHERE r.id::text = row ->> 'run_id'), id);
    INSERT INTO reinstate.told SELECT TG_TABLE_NAME || '.' || TG_ARGV[0], was, row ->> TG_ARGV[0], ARRAY(
      SELECT DISTINCT t.type FROM reinstate.timeline_entry t
      WHERE t.incident_id = place AND t.xmin = pg_current_xact_id()::xid AND CASE TG_TABLE_NAME || '.' || TG_ARGV[0]
        ${Object.entries(subjects)
          .map(([subject, { names }]) => `WHEN '${subject}' THEN ${names}`)
          .join('\n')} END);
    RETURN NULL;
  END $$;
  ${Object.keys(subjects)
    .map((subject) => {
      const [table = '', column = ''] = subject.split('.');
      return `CREATE CONSTRAINT TRIGGER note_${column} AFTER INSERT OR UPDATE ON reinstate.${table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reinstate.note_change('${column}');`;
    })
    .join('\n')}`;

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create({ policy: { lock_timeout_ms: 50, stop_at_failure_rate: 1 } });
  await scene.asOwner(watch);
});
afterAll(() => scene.close());

/** For one batch the shop answers so about some orders. */
async function answering(answers: Readonly<Record<string, RestoreOutcome>>): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = (wanted: RestoreItem, note) => {
    const answer = answers[wanted.orderId];
    return answer === undefined ? restore(wanted, note) : Promise.resolve(answer);
  };
  try {
    await scene.tick();
  } finally {
    adapter.restore = restore;
  }
}

/** A batch while the shop holds this order locked. */
async function lockedBatch(orderId: string): Promise<void> {
  const client = await scene.shop.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM shop.orders WHERE id = $1 FOR UPDATE', [orderId]);
  await scene.tick();
  await client.query('ROLLBACK');
  client.release();
  scene.clock.advance(60_000);
}

/** Plans that are not run: superseded, rejected and expired. */
async function plansThatEnd(incidentId: string): Promise<void> {
  await scene.propose(incidentId);
  const rejected = await scene.propose(incidentId);
  await scene.get(ApprovalService).vote(rejected.id, {
    ...{ caller: scene.people.alex, decision: 'rejected', hash: rejected.hash },
    ...{ breakGlass: false, reason: 'not now' },
  });
  await scene.propose(incidentId);
  scene.clock.advance(2 * 3_600_000);
  const signal = new AbortController().signal;
  await scene.get(PlanExpiryStep).run({ now: scene.clock.now(), signal });
}

const resume = (runId: string, failedToo: boolean) =>
  scene.get(RunResumeService).resume(scene.people.robin, { runId, failedToo, override: null });

/** A run in which everything happens that can happen to an order. */
async function eventfulRun(incidentId: string, orders: readonly string[]): Promise<string> {
  const [canary, lost, broken, refused] = orders;
  const { runId } = await scene.started(incidentId);
  await lockedBatch(canary!);
  await scene.get(RunControlService).pause(scene.people.robin, runId, null);
  await resume(runId, false);
  // the canary, then the next stage
  for (let ticks = 0; (await scene.run(runId)).stage === 0 && ticks < 10; ticks += 1)
    await scene.tick();
  await scene.shopQuery(`UPDATE shop.orders SET coupon_code = 'LATE' WHERE id = $1`, [refused]);
  await answering({
    [lost!]: { outcome: 'unknown', transactionId: 5, incarnation: '1/1', detail: 'lost' },
    [broken!]: { outcome: 'failed', reason: 'invariant-broken', retry: false, detail: 'x' },
  });
  await scene.runUntil(runId, 'finished');
  await resume(runId, true);
  await scene.runUntil(runId, 'finished');
  return runId;
}

async function undoneRun(runId: string, locked: string): Promise<void> {
  const undoId = await scene.get(UndoService).propose(scene.people.robin, runId);
  const undo = await scene.get(PlanViewService).view(undoId);
  await scene.approve(undo);
  const undoRun = await scene.start(undo);
  await lockedBatch(locked);
  await scene.runUntil(undoRun, 'finished');
}

async function story(): Promise<void> {
  const orders = await scene.placePaid([1, 1, 1, 1]);
  const incidentId = await scene.harm(orders, 'eventful');
  const incidents = scene.get(IncidentService);
  await incidents.acknowledge(scene.people.robin, incidentId);
  const decision = { incidentId, caseId: await scene.caseOf(incidentId, orders[0]!), reason: 'x' };
  for (const given of ['intended', 'wrongful'] as const)
    await scene.get(CaseService).decideVerdict(scene.people.robin, { ...decision, verdict: given });
  await plansThatEnd(incidentId);
  const runId = await eventfulRun(incidentId, orders);
  await undoneRun(runId, orders[0]!);
  const stopped = await scene.started(incidentId);
  await scene.get(RunControlService).stop(scene.people.kim, stopped.runId, 'enough');
  await incidents.resolve(scene.people.robin, incidentId, { reason: 'x', override: null });
  await incidents.reopen(scene.people.robin, incidentId, 'not over');
}

interface Told {
  readonly subject: keyof typeof subjects;
  readonly was: string | null;
  readonly now: string;
  readonly types: readonly string[];
}

describe('every change of a state', () => {
  it('has its timeline entry in the same transaction; the story comes to every state that there is', async () => {
    await story();
    const told = await scene.query<Told>('SELECT DISTINCT * FROM reinstate.told');
    const untold = told.filter(({ subject, now, types }) => {
      const telling: Readonly<Record<string, readonly string[]>> = subjects[subject].telling;
      return !types.some((type) => telling[now]?.includes(type));
    });
    expect(untold).toEqual([]);
    for (const [subject, { states }] of Object.entries(subjects)) {
      const reached = told.filter((one) => one.subject === subject).map(({ now }) => now);
      expect([subject, new Set(reached)]).toEqual([subject, new Set(states)]);
    }
    expect(told.map(({ subject, was, now }) => `${subject}: ${was ?? ''} -> ${now}`)).toEqual(
      expect.arrayContaining([
        'restore_run_item.state: attempting -> pending',
        'restore_run_item.state: unknown -> pending',
        'restore_run_item.state: failed -> pending',
        'restore_run.state: finished -> running',
        'restore_run.state: paused -> running',
      ]),
    );
  });
});
