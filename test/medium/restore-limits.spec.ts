import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { ItemGroupStore } from '../../src/restore/runs/item-group.store.js';
import { attemptsPerRound } from '../../src/restore/runs/run.js';
import { RunControlService } from '../../src/restore/runs/run-control.service.js';
import { RunResumeService } from '../../src/restore/runs/run-resume.service.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

const job = () => `job-${(jobs += 1)}`;

async function startedRun(orders: readonly string[], by: string) {
  const incident = await scene.harm(orders, by);
  const { runId } = await scene.started(incident);
  // the canary, so that what follows may go side by side
  await scene.tick();
  await scene.tick();
  return { incident, runId };
}

/** Tells of each order that is begun in the shop: `after` is called once it has ended there. */
async function watching<T>(
  after: (begun: number) => Promise<void>,
  work: () => Promise<T>,
): Promise<{ begun: number }> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  const seen = { begun: 0 };
  adapter.restore = async (item, note): Promise<RestoreOutcome> => {
    const place = (seen.begun += 1);
    const outcome = await restore(item, note);
    await after(place);
    return outcome;
  };
  try {
    await work();
  } finally {
    adapter.restore = restore;
  }
  return seen;
}

/** One order after the other, so that the next one is plain. */
async function oneByOne(runId: string): Promise<void> {
  await scene.query(
    `UPDATE restore_run SET limits = limits || '{"concurrency": 1}' WHERE id = $1`,
    [runId],
  );
}

const restoredOf = async (orders: readonly string[]) =>
  (await scene.writes(orders)).filter((count) => count > 0).length;

describe('within one batch of orders', () => {
  beforeAll(async () => {
    scene = await Scene.create({ policy: { concurrency: 3 } });
  });
  afterAll(() => scene.close());

  it('no further one is begun once a cancellation of the harm has come in', async () => {
    const orders = await scene.placePaid(Array<number>(9).fill(1));
    const by = job();
    const { incident, runId } = await startedRun(orders, by);
    expect(await scene.run(runId)).toMatchObject({ stage: 1, items: { pending: 8 } });
    await oneByOne(runId);
    const [late] = await scene.placePaid([1]);
    const { begun } = await watching(
      async (place) => {
        if (place !== 3) return;
        await scene.cancel([late!], by);
        await scene.journalled();
        scene.settle();
        await scene.follow();
      },
      () => scene.runners(),
    );
    expect(begun).toBe(3);
    await scene.heard();
    expect(await scene.run(runId)).toMatchObject({
      state: 'stopped',
      stopReason: 'still-bleeding',
      items: { verified: 4, pending: 5 },
    });
    expect(await scene.words(incident, 'run-stopped')).toEqual([
      'matching cancellations still arrive',
    ]);
    expect(await restoredOf(orders)).toBe(4);
  });

  it('no further one is begun once the kill switch is pulled', async () => {
    const orders = await scene.placePaid(Array<number>(9).fill(1));
    const { runId } = await startedRun(orders, job());
    await oneByOne(runId);
    const { begun } = await watching(
      async (place) => {
        if (place === 3)
          await scene.get(ShopService).stop(scene.people.admin, scene.shopId, 'odd totals');
      },
      () => scene.runners(),
    );
    await scene.heard();
    expect(begun).toBe(3);
    expect(await scene.run(runId)).toMatchObject({
      state: 'stopped',
      stopReason: 'kill-switch',
      items: { verified: 4, pending: 5 },
    });
    expect(await restoredOf(orders)).toBe(4);
    await scene.get(ShopService).resume(scene.people.admin, scene.shopId);
  });

  it('what was claimed ahead is put back once a person pauses the run', async () => {
    // of a product each, so that none waits for another one
    const orders = await scene.placePaid([1], 1);
    for (const productId of [2, 3, 4, 5, 6, 1, 2])
      orders.push(...(await scene.placePaid([1], productId)));
    const { incident, runId } = await startedRun(orders, job());
    const putBack = () =>
      scene.query(
        `SELECT FROM timeline_entry WHERE incident_id = $1 AND type = 'order-put-back'
           AND data->>'words' = 'not begun: the run did not go on'`,
        [incident],
      );
    const { begun } = await watching(
      async (place) => {
        // two workers stay with their orders; the third one claims three, and has begun the first of them
        if (place === 4)
          await scene.get(RunControlService).pause(scene.people.robin, runId, 'a look at one');
        else if (place !== 1)
          await scene.until('what was put back', async () => (await putBack()).length === 2);
      },
      () => scene.runners(),
    );
    expect(begun).toBe(4);
    await scene.heard();
    expect(await scene.run(runId)).toMatchObject({
      state: 'paused',
      items: { verified: 5, pending: 3 },
    });
    expect(Object.values(await scene.caseStates(incident)).sort()).toEqual([
      ...Array<string>(3).fill('planned'),
      ...Array<string>(5).fill('restored'),
    ]);
    await scene
      .get(RunResumeService)
      .resume(scene.people.robin, { runId, failedToo: false, override: null });
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual(Array<number>(8).fill(1));
    const left = await scene.query<{ tries: number }>(
      'SELECT DISTINCT attempts_max - attempts AS tries FROM restore_run_item WHERE run_id = $1',
      [runId],
    );
    expect(left).toEqual([{ tries: attemptsPerRound - 1 }]);
  });

  it('orders that were written count before one that fails after them', async () => {
    const orders = await scene.placePaid(Array<number>(9).fill(1));
    const { runId } = await startedRun(orders, job());
    await oneByOne(runId);
    await scene.query(
      `UPDATE restore_run SET limits = limits || '{"stopAtFailureRate": 0.3}' WHERE id = $1`,
      [runId],
    );
    const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
    const restore = adapter.restore.bind(adapter);
    let begun = 0;
    adapter.restore = async (item, note): Promise<RestoreOutcome> => {
      begun += 1;
      // one of five has failed then, and one of nine at the end
      if (begun === 4)
        return { outcome: 'failed', reason: 'shop-error', detail: 'no', retry: false };
      return restore(item, note);
    };
    await scene.runners().finally(() => (adapter.restore = restore));
    await scene.heard();
    expect(await scene.run(runId)).toMatchObject({
      state: 'running',
      items: { verified: 8, failed: 1 },
    });
  });

  it('no further one is begun once our own database does not take what was written; an order that failed beside it is known', async () => {
    const orders = await scene.placePaid(Array<number>(11).fill(1));
    const { runId } = await startedRun(orders, job());
    await oneByOne(runId);
    const groups = scene.get(ItemGroupStore);
    const endApplied = groups.endApplied.bind(groups);
    groups.endApplied = () => Promise.reject(new Error('the disk is full'));
    const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
    const restore = adapter.restore.bind(adapter);
    let begun = 0;
    adapter.restore = async (item, note): Promise<RestoreOutcome> => {
      begun += 1;
      return begun === 3
        ? { outcome: 'failed', reason: 'locked', detail: 'held', retry: true }
        : restore(item, note);
    };
    await expect(scene.runners()).rejects.toThrow('the disk is full');
    adapter.restore = restore;
    groups.endApplied = endApplied;
    expect(begun).toBe(3);
    expect(await scene.itemStates(runId)).toMatchObject({
      [orders[1]!]: 'attempting',
      [orders[2]!]: 'attempting',
      [orders[3]!]: 'pending: locked',
      [orders[4]!]: 'pending',
    });
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual(Array<number>(11).fill(1));
  });

  it('as many stand side by side in the shop as the policy says, and never more', async () => {
    // of a product each: orders that move one counter wait for each other anyway
    const orders = await scene.placePaid([1], 1);
    for (const productId of [1, 2, 3, 4, 5, 6])
      orders.push(...(await scene.placePaid([1], productId)));
    await scene.shopQuery(`
      CREATE TABLE audit.side_by_side (transactions int NOT NULL);
      CREATE FUNCTION audit.count_side_by_side() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO audit.side_by_side SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND usename = session_user AND xact_start IS NOT NULL;
        RETURN NULL;
      END $$;
      CREATE TRIGGER side_by_side AFTER UPDATE ON shop.orders FOR EACH ROW
        WHEN (session_user LIKE 'reinstate_write%') EXECUTE FUNCTION audit.count_side_by_side()`);
    const { runId } = await startedRun(orders, job());
    const dba = await scene.shop.connect();
    await dba.query('BEGIN');
    await dba.query('SELECT FROM shop.orders WHERE id = ANY ($1) FOR UPDATE', [orders]);
    const waiting = async () => {
      const rows = await scene.shopQuery(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND usename LIKE 'reinstate_write%' AND wait_event_type = 'Lock'`,
      );
      return rows.length;
    };
    await scene.query(
      `UPDATE restore_run SET limits = limits || '{"stopAtLockTimeouts": 1000}' WHERE id = $1`,
      [runId],
    );
    const batch = scene.runners();
    await scene.until('three orders in the shop', async () => (await waiting()) >= 3);
    await dba.query('ROLLBACK');
    dba.release();
    await batch;
    await scene.runUntil(runId, 'finished');
    const [most] = await scene.shopQuery<{ transactions: number }>(
      'SELECT max(transactions) AS transactions FROM audit.side_by_side',
    );
    expect(most?.transactions).toBe(3);
    expect(await restoredOf(orders)).toBe(7);
  });
});

describe('within an hour', () => {
  beforeAll(async () => {
    scene = await Scene.create({ policy: { concurrency: 3, per_hour: 4 } });
  });
  afterAll(() => scene.close());

  it('no more orders of the shop are restored than the policy says, by whatever runs and runners', async () => {
    const other = await scene.secondRunner();
    const first = await scene.placePaid(Array<number>(4).fill(1));
    const second = await scene.placePaid(Array<number>(4).fill(1), 2);
    const runs = [await startedRun(first, job()), await startedRun(second, job())];
    await scene.query(`UPDATE restore_run SET limits = limits || '{"stopAtLockTimeouts": 1000}'`);
    for (let rounds = 0; rounds < 5; rounds += 1) {
      await scene.runners(other);
      await scene.heard();
      scene.clock.advance(60_000);
    }
    expect(await restoredOf([...first, ...second])).toBe(4);
    expect(await scene.run(runs[1]!.runId)).toMatchObject({ state: 'running' });
    scene.clock.advance(3_600_000);
    for (const { runId } of runs) await scene.runUntil(runId, 'finished');
    expect(await scene.writes([...first, ...second])).toEqual(Array<number>(8).fill(1));
  });
});
