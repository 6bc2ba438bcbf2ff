import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../../src/access/caller.js';
import { ApprovalService } from '../../src/restore/approvals/approval.service.js';
import { PlanScriptService } from '../../src/restore/plans/plan-script.service.js';
import type { PlanView } from '../../src/restore/plans/plan-view.service.js';
import { RunViewService } from '../../src/restore/runs/run-view.service.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const refused = (code: string) => expect.objectContaining({ code }) as unknown;
const job = () => `job-${(jobs += 1)}`;

async function planned(): Promise<{ incident: string; plan: PlanView; by: string }> {
  const by = job();
  const incident = await scene.harm(await scene.placePaid([1]), by);
  return { incident, plan: await scene.propose(incident), by };
}

function give(plan: PlanView, caller: Caller = scene.people.kim, override?: string) {
  return scene.get(PlanScriptService).give(caller, {
    planId: plan.id,
    override: override === undefined ? null : { reason: override },
  });
}

describe('the script of a plan', () => {
  it('is given out of an approved plan to another person, and that is audited', async () => {
    const { plan, incident } = await planned();
    await expect(give(plan)).rejects.toEqual(refused('plan-not-approved'));
    expect(await scene.timeline(incident)).toContain('restore-refused');
    await scene.approve(plan);
    // who approved it alone would carry it out alone
    await expect(give(plan, scene.people.alex)).rejects.toEqual(refused('plan-not-approved'));
    expect(await give(plan)).toContain(`hash ${plan.hash}`);
    const audited = await scene.query(
      `SELECT FROM audit_entry WHERE action = 'restore-plan.script-given' AND subject_id = $1`,
      [plan.id],
    );
    expect(audited).toHaveLength(1);
  });

  it('is not given out of a shop that is not armed, or is stopped', async () => {
    const { plan } = await planned();
    await scene.approve(plan);
    const shops = scene.get(ShopService);
    await shops.disarm(scene.people.admin, scene.shopId);
    await expect(give(plan)).rejects.toEqual(refused('shop-not-armed'));
    await expect(give(plan, scene.people.kim, 'all the same')).rejects.toEqual(
      refused('shop-not-armed'),
    );
    await shops.arm(scene.people.admin, scene.shopId);
    await shops.stop(scene.people.admin, scene.shopId, 'wait');
    await expect(give(plan)).rejects.toEqual(refused('shop-stopped'));
    await shops.resume(scene.people.admin, scene.shopId);
    await give(plan);
  });

  it('is not given out while it bleeds, save with a reason, which is paged', async () => {
    const { plan, incident, by } = await planned();
    await scene.approve(plan);
    await scene.cancel(await scene.placePaid([1]), by);
    await scene.journalled();
    await scene.follow();
    await expect(give(plan)).rejects.toEqual(refused('still-bleeding'));
    await expect(give(plan, scene.people.robin, 'a drip')).rejects.toEqual(
      refused('override-not-allowed'),
    );
    await expect(give(plan, scene.people.bot, 'a drip')).rejects.toEqual(
      refused('override-not-allowed'),
    );
    const glass = async () =>
      (await scene.pages(incident)).filter((line) => line.startsWith('BREAK-GLASS'));
    expect(await glass()).toEqual([]);
    await give(plan, scene.people.kim, 'a drip');
    expect(await glass()).toEqual([
      expect.stringMatching(/^BREAK-GLASS .*Kim took the SQL .*still bleeds: a drip$/),
    ]);
  });

  it('is not given out once the plan was rejected, run, or superseded, nor after its approval has run out', async () => {
    const { plan, incident } = await planned();
    await scene.approve(plan);
    scene.clock.advance(61 * 60_000);
    await expect(give(plan)).rejects.toEqual(refused('plan-not-approved'));
    const second = await scene.propose(incident);
    const third = await scene.propose(incident);
    await expect(give(second)).rejects.toEqual(refused('plan-not-approved'));
    await scene.approve(third);
    const views = scene.get(RunViewService);
    expect(await views.ofPlan(third.id, { limit: 2 })).toEqual({ items: [], nextCursor: null });
    const runId = await scene.start(third);
    expect(await views.ofPlan(third.id, { limit: 2 })).toMatchObject({ items: [{ id: runId }] });
    await expect(give(third)).rejects.toEqual(refused('plan-not-approved'));
    await scene.runUntil(runId, 'finished');
  });

  it('needs no second approval where the glass was broken for the plan', async () => {
    const { plan } = await planned();
    await scene.get(ApprovalService).vote(plan.id, {
      caller: scene.people.kim,
      decision: 'approved',
      hash: plan.hash,
      breakGlass: true,
      reason: 'nobody else is awake',
    });
    expect(await give(plan)).toContain('approved by Kim');
  });
});
