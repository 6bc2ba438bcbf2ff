import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AttemptEvidence } from '../../src/restore/runs/attempt-evidence.js';
import { ItemClaims } from '../../src/restore/runs/item-claims.js';
import { RunItemStore } from '../../src/restore/runs/run-item.store.js';
import { RunStore } from '../../src/restore/runs/run.store.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.create({ policy: { concurrency: 1 } });
});
afterAll(() => scene.close());

interface Written {
  readonly orders: string[];
  readonly incident: string;
  readonly runId: string;
}

/** A run whose canary is verified, and whose other orders stand written in the journal, all echoes unheard. */
async function written(count: number, job: string): Promise<Written> {
  const orders = await scene.placePaid(Array.from({ length: count }, () => 1));
  const incident = await scene.harm(orders, job);
  const { runId } = await scene.started(incident);
  await scene.tick();
  await scene.tick();
  await scene.runners();
  return { orders, incident, runId };
}

/** The next order of the run is written to the shop; its runner dies before it writes that down. */
async function diesAfterCommit(runId: string): Promise<void> {
  const { database } = scene.reinstate;
  const run = (await scene.get(RunStore).read(database, runId))!;
  const [item] = await scene.get(ItemClaims).next(run, 1);
  if (item === undefined) throw new Error('nothing to claim');
  const shop = scene.get(ShopRegistry).get(scene.shopId);
  const prepared = await scene.get(AttemptEvidence).prepare(shop, item);
  if (!prepared.ok) throw new Error(prepared.refusal.detail);
  const now = scene.clock.now();
  const outcome = await shop.adapter.restore(prepared.value, async (transaction) => {
    await scene.get(RunItemStore).note(database, { item, ...transaction, now });
  });
  expect(outcome).toMatchObject({ outcome: 'applied' });
}

/** In how many transactions of ours the orders after the canary were verified. */
async function transactions(runId: string): Promise<number> {
  const rows = await scene.query(
    `SELECT DISTINCT xmin::text FROM restore_run_item WHERE run_id = $1 AND state = 'verified' AND sequence > 0`,
    [runId],
  );
  return rows.length;
}

async function told(incident: string, type: string): Promise<number> {
  return (await scene.timeline(incident)).filter((one) => one === type).length;
}

describe('echoes that come at once', () => {
  it('prove their orders in one transaction, each told once', async () => {
    const { orders, incident, runId } = await written(5, 'job-many');
    await scene.written();
    await scene.echo();
    expect(new Set(Object.values(await scene.itemStates(runId)))).toEqual(new Set(['verified']));
    expect(await transactions(runId)).toBe(1);
    expect(await told(incident, 'order-restored')).toBe(orders.length);
    expect(await told(incident, 'order-verified')).toBe(orders.length);
    expect(new Set(Object.values(await scene.caseStates(incident)))).toEqual(new Set(['restored']));
    const run = await scene.runUntil(runId, 'finished');
    expect(run.items).toMatchObject({ verified: orders.length });
    expect(await scene.writes(orders)).toEqual(orders.map(() => 1));
  });

  it('prove orders too whose runner has not said yet that they are written, and count them', async () => {
    const orders = await scene.placePaid([1, 1, 1]);
    const incident = await scene.harm(orders, 'job-dead');
    const { runId } = await scene.started(incident);
    await scene.tick();
    await scene.query('UPDATE restore_run SET stage = 1, ended_orders = 0 WHERE id = $1', [runId]);
    await diesAfterCommit(runId);
    await diesAfterCommit(runId);
    await scene.written();
    await scene.echo();
    expect(new Set(Object.values(await scene.itemStates(runId)))).toEqual(new Set(['verified']));
    expect(await transactions(runId)).toBe(1);
    expect(await told(incident, 'order-restored')).toBe(orders.length);
    const attempts = await scene.query<{ outcomes: string[] }>(
      `SELECT array_agg(a.outcome ORDER BY a.id) AS outcomes FROM restore_attempt a
       JOIN restore_run_item i ON i.id = a.run_item_id WHERE i.run_id = $1 GROUP BY i.id`,
      [runId],
    );
    expect(attempts).toEqual(orders.map(() => ({ outcomes: ['started', 'applied'] })));
    const [run] = await scene.query('SELECT ended_orders FROM restore_run WHERE id = $1', [runId]);
    expect(run).toEqual({ ended_orders: 2 });
  });

  it('are looked at one by one where something is to be said of one of them', async () => {
    const { orders, runId } = await written(4, 'job-word');
    // as where a person has settled it meanwhile
    await scene.query(
      `UPDATE restore_run_item SET settled_outcome = 'applied', settled_transaction_id = transaction_id
       WHERE run_id = $1 AND sequence = 2`,
      [runId],
    );
    await scene.written();
    await scene.echo();
    expect(new Set(Object.values(await scene.itemStates(runId)))).toEqual(new Set(['verified']));
    expect(await transactions(runId)).toBe(orders.length - 1);
  });
});
