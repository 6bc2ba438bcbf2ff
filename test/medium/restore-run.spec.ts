import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { RunStartService } from '../../src/restore/runs/run-start.service.js';
import { ItemClaims } from '../../src/restore/runs/item-claims.js';
import { AttemptEvidence } from '../../src/restore/runs/attempt-evidence.js';
import type { RunItem } from '../../src/restore/runs/run.js';
import { RunControlService } from '../../src/restore/runs/run-control.service.js';
import { RunItemStore } from '../../src/restore/runs/run-item.store.js';
import { RunResumeService } from '../../src/restore/runs/run-resume.service.js';
import { RunStore } from '../../src/restore/runs/run.store.js';
import type { RestoreOutcome, ShopAdapter } from '../../src/shops/shop-adapter.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create({
    policy: { concurrency: 3, stop_at_lock_timeouts: 3, lock_timeout_ms: 50 },
  });
});
afterAll(() => scene.close());

const job = () => `job-${(jobs += 1)}`;
const refused = (code: string) => expect.objectContaining({ code }) as unknown;

async function startedRun(
  count: number,
): Promise<{ incident: string; orders: string[]; runId: string; job: string }> {
  const orders = await scene.placePaid(Array<number>(count).fill(1));
  const by = job();
  const incident = await scene.harm(orders, by);
  const { runId } = await scene.started(incident);
  return { incident, orders, runId, job: by };
}

function adapter(): ShopAdapter {
  return scene.get(ShopRegistry).get(scene.shopId).adapter;
}

/** The shop answers so instead, once for each order: a stand-in for what a network does. */
async function answering(
  answer: (real: () => Promise<RestoreOutcome>) => Promise<RestoreOutcome>,
  work: () => Promise<void>,
): Promise<void> {
  const real = adapter();
  const restore = real.restore.bind(real);
  real.restore = (item, note) => answer(() => restore(item, note));
  try {
    await work();
  } finally {
    real.restore = restore;
  }
}

describe('while it still bleeds', () => {
  it('no run starts: matching cancellations are too fresh', async () => {
    const orders = await scene.placePaid([1, 1]);
    const by = job();
    const incident = await scene.harm([orders[0]!], by);
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    await scene.cancel([orders[1]!], by);
    await scene.journalled();
    await scene.follow();
    await expect(scene.start(plan)).rejects.toMatchObject({
      code: 'still-bleeding',
      details: {
        data: { bleeding: { cause: 'still-arriving', mayBeOverAt: expect.any(Date) as unknown } },
      },
    });
    expect(await scene.timeline(incident)).toContain('restore-refused');
    expect(await scene.writes(orders)).toEqual([0, 0]);
  });

  it('no run starts: the alert’s finding has a fresh cancellation that is no case yet', async () => {
    const orders = await scene.placePaid([1, 1]);
    const incident = await scene.harm([orders[0]!], job());
    await scene.cancel([orders[1]!], 'another job');
    await scene.journalled();
    const [entry] = await scene.query<{ position: number }>(
      `SELECT position FROM journal_entry WHERE order_id = $1 AND 'cancelled' = ANY(kinds)`,
      [orders[1]],
    );
    await scene.query(
      `WITH finding AS (
         INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
           last_event_at, found_at)
         VALUES (gen_random_uuid(), $1, 'd', $4, 'live', '{}', 's', '{}', $2, $2, $2) RETURNING id
       ), entry AS (
         INSERT INTO finding_entry SELECT id, $3, $5, $2 FROM finding
       ), alert AS (
         INSERT INTO alert (id, shop_id, finding_id, finding_version, name, fingerprint, state, labels, annotations, starts_at)
         SELECT gen_random_uuid(), $1, id, 1, 'WrongfulCancellations', $4, 'firing', '{}', '{}', $2 FROM finding RETURNING id
       )
       INSERT INTO incident_alert (alert_id, incident_id, alert_version, alert_state, joined_at)
       SELECT id, $4::uuid, 1, 'firing', $2 FROM alert`,
      [scene.shopId, scene.clock.now(), entry!.position, incident, orders[1]],
    );
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    await expect(scene.start(plan)).rejects.toMatchObject({ code: 'still-bleeding' });
    scene.clock.advance(20 * 60_000);
    await scene.runUntil(await scene.start(plan), 'finished');
  });

  it('no run starts: the stream is stalled, which looks like quiet', async () => {
    const orders = await scene.placePaid([1]);
    const incident = await scene.harm(orders, job());
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    await scene.query(`UPDATE replication_stream SET state = 'interrupted'`);
    await expect(scene.start(plan)).rejects.toMatchObject({
      code: 'still-bleeding',
      details: { data: { bleeding: { cause: 'stream-not-running', mayBeOverAt: null } } },
    });
    await scene.query(`UPDATE replication_stream SET state = 'streaming'`);
    await scene.runUntil(await scene.start(plan), 'finished');
  });

  it('a run starts although the job goes on with orders that nobody has paid', async () => {
    const by = job();
    const incident = await scene.harm(await scene.placePaid([1]), by);
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    scene.clock.advance(10 * 60_000);
    const unpaid = await scene.placeUnpaid();
    await scene.cancel([unpaid], by);
    await scene.journalled();
    await scene.follow();
    scene.settle();
    // as soon as the journal has passed where the shop's server stands, which others write to as well
    await scene.until('its cancellation to settle', async () => {
      await scene.follow();
      const waiting = await scene.query(
        'SELECT FROM incident_case WHERE incident_id = $1 AND settles_at IS NOT NULL',
        [incident],
      );
      return waiting.length === 0;
    });
    // it is a case like the others, and would ask for four times ten minutes of silence
    expect((await scene.caseStates(incident))[unpaid]).toBe('open');
    await scene.runUntil(await scene.start(plan), 'finished');
    expect(await scene.writes([unpaid])).toEqual([0]);
  });

  it('an approver may override it with a reason, which is paged', async () => {
    const orders = await scene.placePaid([1, 1]);
    const by = job();
    const incident = await scene.harm([orders[0]!], by);
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    await scene.cancel([orders[1]!], by);
    await scene.journalled();
    await scene.follow();
    const start = (caller: Scene['people']['kim']) =>
      scene
        .get(RunStartService)
        .start(caller, { planId: plan.id, hash: plan.hash, override: { reason: 'a drip' } });
    await expect(start(scene.people.robin)).rejects.toEqual(refused('override-not-allowed'));
    const runId = await start(scene.people.kim);
    expect((await scene.pages(incident)).join()).toMatch(/BREAK-GLASS .*still bleeds: a drip/);
    expect(await scene.runUntil(runId, 'finished')).toMatchObject({
      bleedingOverride: 'a drip',
      items: { verified: 1 },
    });
  });

  it('a run that is under way stops when a matching cancellation arrives, and goes on when resumed', async () => {
    const { incident, orders, runId, job: by } = await startedRun(5);
    await scene.tick();
    const [late] = await scene.placePaid([1]);
    await scene.cancel([late!], by);
    await scene.journalled();
    await scene.follow();
    scene.settle();
    await scene.follow();
    const run = await scene.runUntil(runId, 'stopped');
    expect(run).toMatchObject({ stopReason: 'still-bleeding', items: { verified: 1, pending: 4 } });
    expect((await scene.pages(incident)).join()).toContain(
      'stopped by itself: matching cancellations still arrive',
    );
    const states = await scene.caseStates(incident);
    expect(orders.map((orderId) => states[orderId]).sort()).toEqual([
      'planned',
      'planned',
      'planned',
      'planned',
      'restored',
    ]);

    scene.clock.advance(20 * 60_000);
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: false, override: null });
    expect(await scene.runUntil(runId, 'finished', 'stopped')).toMatchObject({
      state: 'finished',
      items: { verified: 5 },
    });
  });
});

describe('a run', () => {
  it('stops between two orders when the kill switch is pulled', async () => {
    const { incident, orders, runId } = await startedRun(6);
    await scene.tick();
    await scene.get(ShopService).stop(scene.people.admin, scene.shopId, 'odd totals');
    const run = await scene.runUntil(runId, 'stopped');
    expect(run).toMatchObject({ stopReason: 'kill-switch', items: { verified: 1, pending: 5 } });
    expect((await scene.writes(orders)).filter((count) => count > 0)).toHaveLength(1);
    expect((await scene.pages(incident)).join()).toContain('the shop was stopped: odd totals');
    await scene.get(ShopService).resume(scene.people.admin, scene.shopId);
  });

  it('does not commit an order that it is writing when the kill switch is pulled', async () => {
    const { orders, runId } = await startedRun(1);
    const real = adapter();
    const restore = real.restore.bind(real);
    // the switch is pulled after everything was written, just before the commit
    real.restore = (item, note) =>
      restore(item, async (transaction) => {
        await scene.get(ShopService).stop(scene.people.admin, scene.shopId, 'now');
        await note(transaction);
      });
    await scene.runners().finally(() => (real.restore = restore));
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'pending' });
    expect(await scene.writes(orders)).toEqual([0]);
    await scene.get(ShopService).resume(scene.people.admin, scene.shopId);
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: false, override: null })
      .catch(() => undefined);
    await scene.runUntil(runId, 'finished');
  });

  it('stops when too many orders fail; a retry takes up those that failed, and only those', async () => {
    const { orders, runId } = await startedRun(4);
    await scene.tick();
    const broken: RestoreOutcome = {
      outcome: 'failed',
      reason: 'invariant-broken',
      retry: false,
      detail: 'x',
    };
    await answering(
      () => Promise.resolve(broken),
      async () => {
        await scene.runUntil(runId, 'stopped');
      },
    );
    const stopped = await scene.run(runId);
    expect(stopped.stopReason).toBe('failure-rate');
    expect(stopped.items.failed).toBeGreaterThan(0);
    expect(stopped.items.verified).toBe(1);
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: true, override: null });
    expect(await scene.runUntil(runId, 'finished')).toMatchObject({
      items: { verified: 4, failed: 0 },
    });
    expect(await scene.writes(orders)).toEqual([1, 1, 1, 1]);
    await expect(
      scene
        .get(RunResumeService)
        .resume(scene.people.robin, { runId, failedToo: true, override: null }),
    ).rejects.toEqual(refused('nothing-to-retry'));
  });

  it('waits for orders that the shop has locked, and stops at lock time-outs in a row', async () => {
    const { orders, runId } = await startedRun(1);
    const client = await scene.shop.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM shop.orders WHERE id = $1 FOR UPDATE', [orders[0]]);
    await scene.tick();
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'pending: locked' });
    const run = await scene.runUntil(runId, 'stopped');
    expect(run).toMatchObject({ stopReason: 'lock-timeouts', items: { pending: 1 } });
    await client.query('ROLLBACK');
    client.release();
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: false, override: null });
    await scene.runUntil(runId, 'finished');
  });

  it('is paused and resumed by a person, and stopped for good', async () => {
    const { incident, orders, runId } = await startedRun(3);
    const control = scene.get(RunControlService);
    await control.pause(scene.people.robin, runId, 'coffee');
    await scene.tick();
    expect(await scene.run(runId)).toMatchObject({ state: 'paused', items: { pending: 3 } });
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: false, override: null });
    await scene.tick();
    await control.stop(scene.people.kim, runId, 'enough');
    await scene.tick();
    expect(await scene.run(runId)).toMatchObject({
      state: 'stopped',
      stopReason: 'by-hand',
      items: { verified: 1, pending: 2 },
    });
    expect((await scene.writes(orders)).filter((count) => count > 0)).toHaveLength(1);
    expect(await scene.timeline(incident)).toEqual(
      expect.arrayContaining(['run-paused', 'run-resumed', 'run-stopped']),
    );
    await expect(control.pause(scene.people.robin, runId, null)).rejects.toEqual(
      refused('transition-refused'),
    );
  });

  it('stops when the shop itself changes more than the plan says', async () => {
    await scene.shopQuery(`
      CREATE FUNCTION shop.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO shop.order_history (order_id, type, actor_kind, actor) VALUES (NEW.id, 'NOTE', 'system', 'trigger');
        RETURN NULL;
      END $$`);
    const { incident, orders, runId } = await startedRun(2);
    await scene.shopQuery(
      `CREATE TRIGGER meddle AFTER UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.meddle()`,
    );
    const run = await scene.runUntil(runId, 'stopped');
    await scene.shopQuery('DROP TRIGGER meddle ON shop.orders');
    expect(run).toMatchObject({
      stopReason: 'read-back-differs',
      items: { failed: 1, pending: 1 },
    });
    expect((await scene.pages(incident)).join()).toContain('which the plan does not say');
    expect((await scene.caseStates(incident))[orders[0]!]).toBe('person');
    await expect(
      scene
        .get(RunResumeService)
        .resume(scene.people.robin, { runId, failedToo: true, override: null }),
    ).rejects.toEqual(refused('nothing-to-retry'));
  });
});

describe('exactly once', () => {
  /** Claims the run's next order, as a runner does before it dies. */
  async function claimed(runId: string): Promise<RunItem> {
    const run = await scene.get(RunStore).read(scene.reinstate.database, runId);
    return (await scene.get(ItemClaims).next(run!, 1))[0]!;
  }

  /** Writes it to the shop; the runner dies before it writes down how that ended. */
  async function written(
    item: RunItem,
    die: 'before-note' | 'before-commit' | 'after-commit',
  ): Promise<void> {
    const shop = scene.get(ShopRegistry).get(scene.shopId);
    const prepared = await scene.get(AttemptEvidence).prepare(shop, item);
    if (!prepared.ok) throw new Error(prepared.refusal.detail);
    const outcome = shop.adapter.restore(prepared.value, async (transaction) => {
      if (die === 'before-note') throw new Error('died');
      const noted = await scene
        .get(RunItemStore)
        .note(scene.reinstate.database, { item, ...transaction, now: scene.clock.now() });
      expect(noted).toBe(true);
      if (die === 'before-commit') throw new Error('died');
    });
    if (die === 'after-commit') expect(await outcome).toMatchObject({ outcome: 'applied' });
    else await expect(outcome).rejects.toThrow('died');
  }

  it.each(['before-note', 'before-commit', 'after-commit'] as const)(
    'an order whose runner died %s is restored once',
    async (die) => {
      const { orders, runId } = await startedRun(1);
      const before = await scene.shopQuery('SELECT allocated FROM shop.stock WHERE product_id = 3');
      const item = await claimed(runId);
      await written(item, die);
      expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'attempting' });
      await scene.runUntil(runId, 'finished');
      expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
      expect(await scene.writes(orders)).toEqual([1]);
      const after = await scene.shopQuery('SELECT allocated FROM shop.stock WHERE product_id = 3');
      const gained = Number(after[0]?.['allocated']) - Number(before[0]?.['allocated']);
      expect(gained).toBe(1);
    },
  );

  it('a runner that was thought dead cannot commit any more', async () => {
    const { orders, runId } = await startedRun(1);
    const slow = await claimed(runId);
    await scene.runUntil(runId, 'finished');
    await expect(written(slow, 'after-commit')).rejects.toThrow();
    expect(await scene.writes(orders)).toEqual([1]);
  });

  it('an order whose answer was lost at the commit waits as unknown, and is settled by its echo', async () => {
    const { incident, orders, runId } = await startedRun(1);
    await answering(
      async (real) => {
        const outcome = await real();
        if (outcome.outcome !== 'applied') throw new Error('the shop did not take it');
        return { ...outcome, outcome: 'unknown', detail: 'the connection was lost at COMMIT' };
      },
      () => scene.runners(),
    );
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'unknown: outcome-unknown' });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['unknown']);
    await scene.journalled();
    await scene.echo();
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    await scene.runUntil(runId, 'finished');
    expect(await scene.timeline(incident)).toEqual(
      expect.arrayContaining(['order-unknown', 'order-restored', 'order-verified']),
    );
    expect(await scene.writes(orders)).toEqual([1]);
  });

  it('an order of which the server knows nothing is never tried again by itself', async () => {
    const { orders, runId } = await startedRun(1);
    await answering(
      () =>
        Promise.resolve({
          outcome: 'unknown',
          transactionId: 5,
          incarnation: '1/1',
          detail: 'lost',
        }),
      () => scene.runners(),
    );
    await scene.query(
      `UPDATE restore_run_item SET transaction_id = 5, incarnation = '1/1' WHERE run_id = $1`,
      [runId],
    );
    for (let ticks = 0; ticks < 5; ticks += 1) {
      await scene.tick();
      scene.clock.advance(60_000);
    }
    expect(await scene.run(runId)).toMatchObject({ state: 'running', items: { unknown: 1 } });
    expect(await scene.writes(orders)).toEqual([0]);
  });

  it('two runners at once restore each order once', async () => {
    const { orders, runId } = await startedRun(14);
    const other = await scene.secondRunner();
    // two processes meet at one counter, where neither waits: that is not what stops this run
    await scene.query(
      `UPDATE restore_run SET limits = limits || '{"stopAtLockTimeouts": 1000}' WHERE id = $1`,
      [runId],
    );
    for (let rounds = 0; rounds < 40; rounds += 1) {
      await scene.runners(other);
      await scene.heard();
      scene.clock.advance(1_000);
      if ((await scene.run(runId)).state !== 'running') break;
    }
    expect(await scene.run(runId)).toMatchObject({ state: 'finished', items: { verified: 14 } });
    expect(await scene.writes(orders)).toEqual(orders.map(() => 1));
  });

  it('two plans for one order restore it once', async () => {
    const orders = await scene.placePaid([1]);
    const by = job();
    const incident = await scene.harm(orders, by);
    const first = await scene.propose(incident);
    await scene.approve(first);
    const second = await scene.propose(incident);
    await scene.approve(second);
    const runs = [await scene.start(first), await scene.start(second)];
    await scene.runners(await scene.secondRunner());
    await scene.heard();
    for (const runId of runs) await scene.runUntil(runId, 'finished');
    const states = await Promise.all(runs.map((runId) => scene.itemStates(runId)));
    expect(states.map((state) => state[orders[0]!]).sort()).toEqual([
      expect.stringMatching(/^refused: (not-cancelled-any-more|outcome-unknown|changed-since)$/),
      'verified',
    ]);
    expect(await scene.writes(orders)).toEqual([1]);
  });

  it('no more orders an hour than the policy allows', async () => {
    const { orders, runId } = await startedRun(4);
    const used = await scene.query<{ count: number }>(
      `SELECT count(*) FROM restore_run_item WHERE applied_at > $1 OR (state = 'unknown' AND updated_at > $1)`,
      [new Date(scene.clock.now().getTime() - 3_600_000)],
    );
    await scene.query(
      `UPDATE restore_run SET limits = limits || jsonb_build_object('perHour', $2::int) WHERE id = $1`,
      [runId, used[0]!.count + 2],
    );
    for (let ticks = 0; ticks < 4; ticks += 1) await scene.tick();
    expect(await scene.run(runId)).toMatchObject({
      state: 'running',
      items: { verified: 2, pending: 2 },
    });
    scene.clock.advance(3_600_000);
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual([1, 1, 1, 1]);
  });
});

describe('metrics', () => {
  it('count what attempts came to, and are there before the first', async () => {
    const text = await scene.get(Registry).metrics();
    expect(text).toMatch(
      /reinstate_restore_items_total\{shop="sample-\w+",outcome="verified",reason=""\} [1-9]/,
    );
    expect(text).toMatch(
      /reinstate_restore_items_total\{shop="sample-\w+",outcome="refused",reason="unsure"\} 0/,
    );
    expect(text).toMatch(
      /reinstate_restore_item_duration_seconds_count\{shop="sample-\w+"\} [1-9]/,
    );
  });
});
