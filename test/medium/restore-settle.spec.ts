import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../../src/access/caller.js';
import { AttemptEvidence } from '../../src/restore/runs/attempt-evidence.js';
import { ItemClaims } from '../../src/restore/runs/item-claims.js';
import { RunItemStore } from '../../src/restore/runs/run-item.store.js';
import { RunResumeService } from '../../src/restore/runs/run-resume.service.js';
import { RunStore } from '../../src/restore/runs/run.store.js';
import type { RunItem, SettledOutcome } from '../../src/restore/runs/run.js';
import { SettlementService } from '../../src/restore/runs/settlement.service.js';
import { PlanScriptService } from '../../src/restore/plans/plan-script.service.js';
import type { RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const refused = (code: string) => expect.objectContaining({ code }) as unknown;

async function startedRun(
  count: number,
): Promise<{ incident: string; orders: string[]; runId: string; planId: string }> {
  const orders = await scene.placePaid(Array<number>(count).fill(1));
  const incident = await scene.harm(orders, `job-${(jobs += 1)}`);
  const { plan, runId } = await scene.started(incident);
  return { incident, orders, runId, planId: plan.id };
}

/** The shop does this instead of restoring, for as long as the work takes. */
async function shopping(
  answer: (real: () => Promise<RestoreOutcome>) => Promise<RestoreOutcome>,
  work: () => Promise<void>,
): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = (item, note) => answer(() => restore(item, note));
  try {
    await work();
  } finally {
    adapter.restore = restore;
  }
}

/** The connection breaks at the commit, and the server has forgotten the transaction: nobody knows what became of it. */
async function lostOutcome(runId: string, commits: boolean): Promise<void> {
  const lost = {
    outcome: 'unknown',
    transactionId: 5,
    incarnation: '1/1',
    detail: 'lost',
  } as const;
  await shopping(
    async (real) => {
      if (commits) expect(await real()).toMatchObject({ outcome: 'applied' });
      return lost;
    },
    () => scene.runners(),
  );
  // an incarnation of another history of the server: pg_xact_status does not help
  await scene.query(
    `UPDATE restore_run_item SET incarnation = '1/1', transaction_id = coalesce(transaction_id, 5)
     WHERE run_id = $1 AND state = 'unknown'`,
    [runId],
  );
}

async function itemOf(runId: string, orderId: string): Promise<RunItem> {
  const items = await scene
    .get(RunItemStore)
    .pageOfRun(scene.reinstate.database, { runId, states: null, afterSequence: -1, limit: 100 });
  return items.find((item) => item.orderId === orderId)!;
}

async function settle(
  runId: string,
  orderId: string,
  outcome: SettledOutcome,
  caller: Caller = scene.people.kim,
): Promise<RunItem> {
  const { id: itemId } = await itemOf(runId, orderId);
  const reason = 'looked into the shop';
  return scene.get(SettlementService).settle(caller, { runId, itemId, outcome, reason });
}

describe('an order that was written and is not seen in the stream', () => {
  it('makes its run wait for a person after half a minute, who settles it as applied', async () => {
    const { incident, orders, runId } = await startedRun(1);
    await scene.runners();
    scene.clock.advance(29_000);
    await scene.runners();
    expect(await scene.run(runId)).toMatchObject({ waitsFor: null, items: { applied: 1 } });
    await expect(settle(runId, orders[0]!, 'applied')).rejects.toEqual(refused('echo-awaited'));
    scene.clock.advance(1_000);
    await scene.runners();
    await scene.runners();
    expect(await scene.run(runId)).toMatchObject({ state: 'running', waitsFor: 'person' });
    expect(await scene.words(incident, 'run-waiting')).toEqual([
      'the shop’s stream has not shown 1 order(s) that were written: a person has to look, and to settle them',
    ]);
    const pages = await scene.pages(incident);
    expect(pages.filter((line) => line.includes('waits for a person'))).toHaveLength(1);

    await settle(runId, orders[0]!, 'applied');
    await scene.runners();
    expect(await scene.run(runId)).toMatchObject({ state: 'finished', waitsFor: null });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['restored']);
    await expect(settle(runId, orders[0]!, 'applied')).rejects.toEqual(refused('item-not-unknown'));
    await scene.journalled();
    await scene.echo();
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect(await scene.words(incident, 'settlement-contradicted')).toEqual([]);
  });

  it('and of which the shop’s server has lost the transaction gets another turn once a person has said so', async () => {
    const { incident, orders, runId } = await startedRun(1);
    const lost = { outcome: 'applied', transactionId: 5, incarnation: '1/1' } as const;
    await shopping(
      () => Promise.resolve(lost as never),
      () => scene.runners(),
    );
    scene.clock.advance(30_000);
    const settled = await settle(runId, orders[0]!, 'not-applied');
    expect(settled).toMatchObject({ state: 'failed', appliedAt: null });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['person']);
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual([0]);
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: true, override: null });
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual([1]);
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
  });
});

describe('an order whose outcome stays unknown', () => {
  it('makes its run wait for a person, visibly: in the run, on the timeline and by one page', async () => {
    const { incident, orders, runId } = await startedRun(3);
    await lostOutcome(runId, false);
    for (let ticks = 0; ticks < 4; ticks += 1) {
      await scene.tick();
      scene.clock.advance(20_000);
    }
    expect(await scene.run(runId)).toMatchObject({
      state: 'running',
      waitsFor: 'person',
      items: { unknown: 1, pending: 2 },
    });
    expect(await scene.words(incident, 'run-waiting')).toHaveLength(1);
    const pages = await scene.pages(incident);
    expect(pages.filter((line) => line.includes('waits for a person'))).toHaveLength(1);

    await settle(runId, orders[0]!, 'not-applied');
    // the others go on, and the one that was not applied gets its turn by a retry only
    expect(await scene.runUntil(runId, 'finished')).toMatchObject({
      waitsFor: null,
      items: { failed: 1, verified: 2 },
    });
    expect(await scene.writes(orders)).toEqual([0, 1, 1]);
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: true, override: null });
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual([1, 1, 1]);
    expect(await scene.words(incident, 'settlement-contradicted')).toEqual([]);
    expect(new Set(Object.values(await scene.caseStates(incident)))).toEqual(new Set(['restored']));
  });

  it('has the shop asked ever less often, and settles once the shop knows', async () => {
    const { orders, runId } = await startedRun(1);
    await lostOutcome(runId, false);
    const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
    const outcomeOf = adapter.outcomeOf.bind(adapter);
    let asked = 0;
    adapter.outcomeOf = () => Promise.resolve((asked += 1) <= 4 ? 'unknown' : 'aborted');
    try {
      for (let ticks = 0; ticks < 20; ticks += 1) {
        await scene.runners();
        scene.clock.advance(500);
      }
      // at 0, 1, 3 and 7 s
      expect(asked).toBe(4);
      scene.clock.advance(60_000);
      await scene.runUntil(runId, 'finished');
    } finally {
      adapter.outcomeOf = outcomeOf;
    }
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
  });

  it('is settled by a person who may approve, with a reason, once; audited and told', async () => {
    const { incident, orders, runId } = await startedRun(1);
    await lostOutcome(runId, false);
    await expect(settle(runId, orders[0]!, 'applied', scene.people.bot)).rejects.toEqual(
      refused('services-cannot-settle'),
    );
    const settled = await settle(runId, orders[0]!, 'not-applied');
    expect(settled).toMatchObject({
      state: 'failed',
      reason: 'outcome-unknown',
      settledOutcome: 'not-applied',
    });
    await expect(settle(runId, orders[0]!, 'applied')).rejects.toEqual(refused('item-not-unknown'));
    expect(await scene.words(incident, 'order-settled')).toEqual([
      'settled by a person as not applied; in the shop the order does not stand as the plan wants it',
    ]);
    expect(Object.values(await scene.caseStates(incident))).toEqual(['person']);
    const audited = await scene.query<{ data: object }>(
      `SELECT data FROM audit_entry WHERE action = 'restore-run.item-settled' AND subject_id = $1`,
      [runId],
    );
    expect(audited).toEqual([
      { data: expect.objectContaining({ outcome: 'not-applied' }) as unknown },
    ]);
    await scene.runUntil(runId, 'finished');
  });

  it('settled as applied lets the run end; its echo, when it comes, verifies it', async () => {
    const { incident, orders, runId } = await startedRun(1);
    await lostOutcome(runId, true);
    await settle(runId, orders[0]!, 'applied');
    expect(await scene.words(incident, 'order-settled')).toEqual([
      'settled by a person as applied; in the shop the order stands as the plan wants it',
    ]);
    await scene.runners();
    expect(await scene.run(runId)).toMatchObject({ state: 'finished', underWay: 0 });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['restored']);
    await scene.journalled();
    await scene.echo();
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect((await scene.pages(incident)).join()).not.toMatch(/wrong|waits for a person/);
  });

  it('settled as applied is no success where the shop shows something else', async () => {
    const { incident, orders, runId } = await startedRun(1);
    await lostOutcome(runId, false);
    await settle(runId, orders[0]!, 'applied');
    expect(Object.values(await scene.caseStates(incident))).toEqual(['person']);
    await scene.runUntil(runId, 'finished');
  });

  it('settled as not applied, and then seen in the stream, is said loudly', async () => {
    const { incident, orders, runId } = await startedRun(1);
    await lostOutcome(runId, true);
    await settle(runId, orders[0]!, 'not-applied');
    await scene.journalled();
    await scene.echo();
    expect(await scene.words(incident, 'settlement-contradicted')).toEqual([
      expect.stringContaining('settled by a person as not applied, but it was'),
    ]);
    expect(await scene.pages(incident)).toContainEqual(
      expect.stringMatching(/^A settled outcome in shop .* was wrong: order /),
    );
    expect(await scene.words(incident, 'order-restored-by-hand')).toEqual([]);
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['restored']);
    expect(await scene.writes(orders)).toEqual([1]);
    await scene.runUntil(runId, 'finished');
  });

  it('is not a person’s to settle while the shop itself knows, or is still at it', async () => {
    const { orders, runId } = await startedRun(1);
    await shopping(
      async (real) => {
        const outcome = await real();
        if (outcome.outcome !== 'applied') throw new Error('the shop did not take it');
        return { ...outcome, outcome: 'unknown', detail: 'lost' };
      },
      () => scene.runners(),
    );
    await expect(settle(runId, orders[0]!, 'not-applied')).rejects.toEqual(
      refused('outcome-known'),
    );
    const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
    const outcomeOf = adapter.outcomeOf.bind(adapter);
    adapter.outcomeOf = () => Promise.resolve('in-progress');
    await expect(settle(runId, orders[0]!, 'applied')).rejects.toEqual(
      refused('outcome-in-progress'),
    );
    adapter.outcomeOf = outcomeOf;
    await scene.runUntil(runId, 'finished');
    await expect(settle(runId, orders[0]!, 'applied')).rejects.toEqual(refused('item-not-unknown'));
  });
});

describe('a marker that comes in while an attempt is under way', () => {
  it('settles the order as restored, though the attempt is refused', async () => {
    const { orders, runId, planId } = await startedRun(1);
    const run = (await scene.get(RunStore).read(scene.reinstate.database, runId))!;
    // the plan's script, as somebody holds it who took it before the run began
    await scene.query(`UPDATE restore_plan SET state = 'approved' WHERE id = $1`, [planId]);
    const script = await scene
      .get(PlanScriptService)
      .give(scene.people.kim, { planId, override: null });
    await scene.query(`UPDATE restore_plan SET state = 'run' WHERE id = $1`, [planId]);
    await shopping(
      async (real) => {
        await scene.runScript(script);
        await scene.journalled();
        await scene.echo();
        return real();
      },
      () => scene.runners(),
    );
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect(await scene.writes(orders)).toEqual([0]);
    await scene.runUntil(run.id, 'finished');
  });

  it('a runner that only seemed dead cannot be taken for one that wrote nothing', async () => {
    const { orders, runId } = await startedRun(1);
    const run = (await scene.get(RunStore).read(scene.reinstate.database, runId))!;
    const [item] = await scene.get(ItemClaims).next(run, 1);
    if (item === undefined) throw new Error('nothing to claim');
    const shop = scene.get(ShopRegistry).get(scene.shopId);
    const prepared = await scene.get(AttemptEvidence).prepare(shop, item);
    if (!prepared.ok) throw new Error(prepared.refusal.detail);
    const items = scene.get(RunItemStore);
    const inStates = items.inStates.bind(items);
    // another runner looks at the item just before the first one notes its transaction
    const outcome = await shop.adapter.restore(prepared.value, async (transaction) => {
      items.inStates = async (...given) => {
        const seen = await inStates(...given);
        const now = scene.clock.now();
        await items.note(scene.reinstate.database, { item, ...transaction, now });
        return seen;
      };
      await scene.runners().finally(() => (items.inStates = inStates));
      expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'attempting' });
    });
    expect(outcome).toMatchObject({ outcome: 'applied' });
    await scene.runUntil(runId, 'finished');
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect(await scene.writes(orders)).toEqual([1]);
  });
});
