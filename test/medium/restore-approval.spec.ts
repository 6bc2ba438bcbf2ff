import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccessService } from '../../src/access/access.service.js';
import type { Caller } from '../../src/access/caller.js';
import { ApprovalService } from '../../src/restore/approvals/approval.service.js';
import { PlanEnds } from '../../src/restore/plans/plan-ends.js';
import { PlanExpiryStep } from '../../src/restore/plans/plan-expiry.step.js';
import { PlanViewService, type PlanView } from '../../src/restore/plans/plan-view.service.js';
import { RunStartService } from '../../src/restore/runs/run-start.service.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create({ policy: { approvals: 1, expires_minutes: 30 } });
});
afterAll(() => scene.close());

/** An incident of one order, and a plan for it. */
async function proposed(): Promise<{ incident: string; plan: PlanView; order: string }> {
  jobs += 1;
  const [order] = await scene.placePaid([1]);
  const incident = await scene.harm([order!], `job-${jobs}`);
  return { incident, plan: await scene.propose(incident), order: order! };
}

function vote(
  plan: PlanView,
  caller: Caller,
  given: { hash?: string; breakGlass?: boolean; reason?: string } = {},
) {
  return scene.get(ApprovalService).vote(plan.id, {
    caller,
    decision: 'approved',
    hash: given.hash ?? plan.hash,
    breakGlass: given.breakGlass ?? false,
    reason: given.reason ?? null,
  });
}

async function secondToken(of: Caller, role: Caller['role']): Promise<Caller> {
  const access = scene.get(AccessService);
  const given = { personId: of.personId, role, label: 'second', days: 1 };
  const { secret } = await access.issueToken(scene.people.admin, given);
  return (await access.authenticate(secret))!;
}

/** Somebody who may approve, and leaves. */
async function newcomer(): Promise<Caller> {
  const given = { name: `Newcomer ${(jobs += 1)}`, kind: 'person' as const, email: null };
  const { id } = await scene.get(AccessService).createPerson(scene.people.admin, given);
  return secondToken({ ...scene.people.alex, personId: id }, 'approver');
}

async function state(plan: PlanView): Promise<string> {
  return (await scene.get(PlanViewService).view(plan.id)).state;
}

const refused = (code: string) => expect.objectContaining({ code }) as unknown;

describe('approval', () => {
  it('is given by a second person: not by the requester, whatever token, nor by a service', async () => {
    const { plan } = await proposed();
    const otherToken = {
      ...scene.people.robin,
      role: 'approver' as const,
      tokenId: scene.people.kim.tokenId,
    };
    await expect(vote(plan, otherToken)).rejects.toEqual(refused('own-plan'));
    await expect(vote(plan, scene.people.bot)).rejects.toEqual(refused('services-cannot-approve'));
    await expect(vote(plan, scene.people.alex, { hash: 'x' })).rejects.toEqual(
      refused('hash-changed'),
    );
    expect(await state(plan)).toBe('proposed');
    await vote(plan, scene.people.alex);
    expect(await state(plan)).toBe('approved');
    await expect(vote(plan, { ...scene.people.alex, tokenId: 'other' })).rejects.toEqual(
      refused('plan-not-proposed'),
    );
  });

  it('does not count when the approver starts the run', async () => {
    const { plan, incident } = await proposed();
    await vote(plan, scene.people.alex);
    await expect(scene.start(plan, scene.people.alex)).rejects.toEqual(
      refused('plan-not-approved'),
    );
    expect(await scene.timeline(incident)).toContain('restore-refused');
    await scene.runUntil(await scene.start(plan), 'finished');
  });

  it('does not outlive its approver: not once they are disabled', async () => {
    const { plan } = await proposed();
    const leaver = await newcomer();
    await vote(plan, leaver);
    await scene.get(AccessService).disablePerson(scene.people.admin, leaver.personId);
    await expect(scene.start(plan)).rejects.toEqual(refused('plan-not-approved'));
    const { approvals, standing } = await scene.get(PlanViewService).view(plan.id);
    expect(approvals).toMatchObject([{ personId: leaver.personId, mayApprove: false }]);
    expect(standing).toMatchObject({ approved: false, missing: 1 });
  });

  it('is given again by somebody else once its approver has left: the same plan, by the same hash', async () => {
    const { plan, incident } = await proposed();
    const leaver = await newcomer();
    await vote(plan, leaver);
    scene.clock.advance(20 * 60_000);
    await scene.get(AccessService).disablePerson(scene.people.admin, leaver.personId);
    await expect(scene.start(plan)).rejects.toThrow(
      /may not approve any more\): .* It need not be proposed anew/,
    );
    await expect(vote(plan, scene.people.alex, { hash: 'x' })).rejects.toEqual(
      refused('hash-changed'),
    );
    await expect(vote(plan, scene.people.robin)).rejects.toEqual(refused('own-plan'));
    const again = await vote(plan, scene.people.alex);
    await expect(vote(plan, scene.people.kim)).rejects.toEqual(refused('plan-not-proposed'));
    // it holds as long as any approval: the plan's own end was moved by the first
    expect(again.expiresAt.getTime() - again.at.getTime()).toBe(30 * 60_000);
    const renewed = await scene.get(PlanViewService).view(plan.id);
    expect(renewed).toMatchObject({ state: 'approved', hash: plan.hash });
    expect(renewed.expiresAt).toEqual(again.expiresAt);
    const told = await scene.query(
      `SELECT type, person_id AS "personId" FROM timeline_entry
       WHERE incident_id = $1 AND type IN ('plan-approved', 'restore-refused') ORDER BY position`,
      [incident],
    );
    expect(told).toEqual([
      { type: 'plan-approved', personId: leaver.personId },
      { type: 'restore-refused', personId: scene.people.robin.personId },
      { type: 'plan-approved', personId: scene.people.alex.personId },
    ]);
    const audited = await scene.query(
      `SELECT person_id AS "personId", data ->> 'planState' AS "planState" FROM audit_entry
       WHERE action = 'restore-plan.approved' AND subject_id = $1 ORDER BY at`,
      [plan.id],
    );
    expect(audited).toEqual([
      { personId: leaver.personId, planState: 'proposed' },
      { personId: scene.people.alex.personId, planState: 'approved' },
    ]);
    await scene.runUntil(await scene.start(plan), 'finished');
  });

  it('does not outlive the approver’s role, but a change of token', async () => {
    const { plan } = await proposed();
    const approver = await newcomer();
    const { personId } = approver;
    await vote(plan, approver);
    const revoke = (tokenId: string) =>
      scene.get(AccessService).revokeToken(scene.people.admin, { personId, tokenId });
    await secondToken(approver, 'responder');
    await revoke(approver.tokenId);
    await expect(scene.start(plan)).rejects.toEqual(refused('plan-not-approved'));
    await secondToken(approver, 'approver');
    await scene.runUntil(await scene.start(plan), 'finished');
  });

  it('of who broke the glass alone does not outlive them either', async () => {
    const { plan } = await proposed();
    const leaver = await newcomer();
    await vote(plan, leaver, { breakGlass: true, reason: 'nobody else is awake' });
    await scene.get(AccessService).disablePerson(scene.people.admin, leaver.personId);
    await expect(scene.start(plan)).rejects.toEqual(refused('plan-not-approved'));
  });

  it('of two persons where the policy asks for two: two tokens of one person are one', async () => {
    const two = await Scene.create({ policy: { approvals: 2 } });
    try {
      const [order] = await two.placePaid([1]);
      const plan = await two.propose(await two.harm([order!], 'two'));
      await two.approve(plan, two.people.alex);
      await expect(two.approve(plan, { ...two.people.alex, tokenId: 'other' })).rejects.toEqual(
        refused('voted-already'),
      );
      await expect(two.start(plan)).rejects.toEqual(refused('plan-not-approved'));
      await two.approve(plan, two.people.kim);
      await two.runUntil(await two.start(plan), 'finished');
    } finally {
      await two.close();
    }
  });

  it('runs out: neither an old plan nor an old approval may be run', async () => {
    const first = await proposed();
    const second = await proposed();
    await vote(second.plan, scene.people.alex);
    scene.clock.advance(31 * 60_000);
    await expect(vote(first.plan, scene.people.alex)).rejects.toEqual(refused('plan-expired'));
    const overtime = 'its approvals has run out: propose a new plan';
    await expect(scene.start(second.plan)).rejects.toThrow(overtime);
    await expect(vote(second.plan, scene.people.kim)).rejects.toEqual(refused('plan-expired'));
    const context = { now: scene.clock.now(), signal: new AbortController().signal };
    await scene.get(PlanExpiryStep).run(context);
    await expect(scene.start(second.plan)).rejects.toThrow('is expired: propose a new plan');
    expect([await state(first.plan), await state(second.plan)]).toEqual(['expired', 'expired']);
    expect(await scene.timeline(second.incident)).toContain('plan-expired');
    expect(Object.values(await scene.caseStates(second.incident))).toEqual(['open']);
  });

  it('runs out, and leaves the orders to the plan that was proposed anew', async () => {
    const { plan, incident } = await proposed();
    await vote(plan, scene.people.alex);
    scene.clock.advance(20 * 60_000);
    const anew = await scene.propose(incident);
    scene.clock.advance(11 * 60_000);
    const context = { now: scene.clock.now(), signal: new AbortController().signal };
    await scene.get(PlanExpiryStep).run(context);
    expect([await state(plan), await state(anew)]).toEqual(['expired', 'proposed']);
    expect(Object.values(await scene.caseStates(incident))).toEqual(['planned']);
    await vote(anew, scene.people.alex);
    await scene.runUntil(await scene.start(anew), 'finished');
    expect(Object.values(await scene.caseStates(incident))).toEqual(['restored']);
  });

  it('keeps the orders for its plan where a newer one takes the place of another', async () => {
    const orders = await scene.placePaid([1, 1]);
    const incident = await scene.harm(orders, `job-${(jobs += 1)}`);
    const states = async () => Object.values(await scene.caseStates(incident));
    const held = await scene.propose(incident);
    await vote(held, scene.people.alex);
    const between = await scene.propose(incident);
    await scene.propose(incident, [await scene.caseOf(incident, orders[0]!)]);
    expect([await state(held), await state(between)]).toEqual(['approved', 'superseded']);
    expect(await states()).toEqual(['planned', 'planned']);
    await scene.runUntil(await scene.start(held), 'finished');
    expect(await states()).toEqual(['restored', 'restored']);
  });

  it('is not there yet: the orders leave a plan that was superseded, for the newer one or for none', async () => {
    const orders = await scene.placePaid([1, 1]);
    const [kept, dropped] = [orders[0]!, orders[1]!];
    const incident = await scene.harm(orders, `job-${(jobs += 1)}`);
    await scene.propose(incident);
    const caseId = await scene.caseOf(incident, kept);
    const { number } = await scene.propose(incident, [caseId]);
    expect(await scene.caseStates(incident)).toEqual({ [kept]: 'planned', [dropped]: 'open' });
    const told = await scene.query<{ words: string }>(
      `SELECT data->>'words' AS words FROM timeline_entry
       WHERE case_id = $1 AND type = 'case-state-changed' ORDER BY position`,
      [caseId],
    );
    expect(told.at(-1)?.words).toBe(`part of restore plan ${number}`);
  });

  it('runs out of every plan but the one that cannot be ended, which holds up no other', async () => {
    const [bad, good] = [await proposed(), await proposed()];
    scene.clock.advance(31 * 60_000);
    const ends = scene.get(PlanEnds);
    const end = ends.end.bind(ends);
    ends.end = (transaction, plan, how) =>
      plan.id === bad.plan.id ? Promise.reject(new Error('bad row')) : end(transaction, plan, how);
    const context = { now: scene.clock.now(), signal: new AbortController().signal };
    await expect(scene.get(PlanExpiryStep).run(context)).rejects.toThrow('bad row');
    ends.end = end;
    expect([await state(bad.plan), await state(good.plan)]).toEqual(['proposed', 'expired']);
    await scene.get(PlanExpiryStep).run(context);
    expect(await state(bad.plan)).toBe('expired');
  });

  it('is void when anything of the plan is not as it was approved', async () => {
    const { plan } = await proposed();
    await vote(plan, scene.people.alex);
    // past all the database's own guards, as only its owner can
    await scene.asOwner(
      `ALTER TABLE reinstate.restore_plan_item DISABLE TRIGGER restore_plan_item_append_only;
       UPDATE reinstate.restore_plan_item SET detail = 'another text' WHERE plan_id = '${plan.id}';
       ALTER TABLE reinstate.restore_plan_item ENABLE TRIGGER restore_plan_item_append_only`,
    );
    await expect(scene.start(plan)).rejects.toEqual(refused('hash-changed'));
  });

  it('that the policy does not ask for is the policy’s, which names itself', async () => {
    const alone = await Scene.create({ policy: { approvals: 0 } });
    try {
      const incident = await alone.harm(await alone.placePaid([1]), 'alone');
      const plan = await alone.propose(incident);
      expect(plan.state).toBe('approved');
      const told = await alone.query<{ data: { policy?: string }; person_id: string | null }>(
        `SELECT data, person_id FROM timeline_entry WHERE incident_id = $1 AND type = 'plan-approved'`,
        [incident],
      );
      expect(told).toEqual([
        {
          person_id: null,
          data: expect.objectContaining({
            policy: `by policy: shop ${alone.shopId} asks for no approval (restore.approvals is 0)`,
          }) as unknown,
        },
      ]);
      await alone.runUntil(await alone.start(plan), 'finished');
    } finally {
      await alone.close();
    }
  });

  it('is bound to what was seen: items cannot be changed, and a hash that differs is not run', async () => {
    const { plan } = await proposed();
    await vote(plan, scene.people.alex);
    await expect(
      scene.query(`UPDATE restore_plan_item SET changes = '[]' WHERE plan_id = $1`, [plan.id]),
    ).rejects.toThrow(/permission denied|append-only/);
    await expect(
      scene.query(`UPDATE restore_plan SET hash = 'x' WHERE id = $1`, [plan.id]),
    ).rejects.toThrow('never changes');
    const start = scene.get(RunStartService).start(scene.people.robin, {
      planId: plan.id,
      hash: 'x',
      override: null,
    });
    await expect(start).rejects.toEqual(refused('hash-changed'));
  });

  it('against a plan by one person ends it', async () => {
    const { plan, incident } = await proposed();
    await scene.get(ApprovalService).vote(plan.id, {
      caller: scene.people.kim,
      decision: 'rejected',
      hash: plan.hash,
      breakGlass: false,
      reason: 'looks wrong',
    });
    expect(await state(plan)).toBe('rejected');
    expect(await scene.timeline(incident)).toContain('plan-rejected');
    expect(Object.values(await scene.caseStates(incident))).toEqual(['open']);
    await expect(scene.start(plan)).rejects.toEqual(refused('plan-not-approved'));
  });

  it('can be done without by breaking the glass: with a reason, and paged loudly', async () => {
    const { plan, incident } = await proposed();
    const robin = await secondToken(scene.people.robin, 'approver');
    await expect(vote(plan, robin, { breakGlass: true })).rejects.toEqual(refused('reason-needed'));
    await expect(vote(plan, scene.people.bot, { breakGlass: true, reason: 'x' })).rejects.toEqual(
      refused('services-cannot-approve'),
    );
    await vote(plan, robin, { breakGlass: true, reason: 'nobody else is awake' });
    expect(await scene.pages(incident)).toContainEqual(
      expect.stringMatching(
        /^BREAK-GLASS .*Robin approved restore plan \d+ alone: nobody else is awake$/,
      ),
    );
    expect(await scene.timeline(incident)).toContain('break-glass');
    await scene.runUntil(await scene.start(plan), 'finished');
  });
});

describe('the shop', () => {
  it('is not written to unless it is armed, nor while its kill switch is set', async () => {
    const { plan, order } = await proposed();
    await vote(plan, scene.people.alex);
    const shops = scene.get(ShopService);
    await shops.disarm(scene.people.admin, scene.shopId);
    await expect(scene.start(plan)).rejects.toEqual(refused('shop-not-armed'));
    await shops.arm(scene.people.admin, scene.shopId);
    await shops.stop(scene.people.admin, scene.shopId, 'wait');
    await expect(scene.start(plan)).rejects.toEqual(refused('shop-stopped'));
    await shops.resume(scene.people.admin, scene.shopId);
    expect(await scene.writes([order])).toEqual([0]);
    await scene.runUntil(await scene.start(plan), 'finished');
  });
});
