import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { addHistory } from '../../demo/shop/history.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import type { RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { RunItemStore } from '../../src/restore/runs/run-item.store.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const staff = { kind: 'staff', name: 'maria' } as const;

async function startedRun(count: number) {
  const orders = await scene.placePaid(Array<number>(count).fill(1));
  const job = `job-${(jobs += 1)}`;
  const incident = await scene.harm(orders, job);
  const { runId } = await scene.started(incident);
  return { orders, incident, runId, job };
}

/** Between the shop's commit of a restore and the moment at which its runner writes that down. */
async function rightAfterCommit(
  work: (outcome: RestoreOutcome) => Promise<void>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = async (item, note) => {
    const outcome = await restore(item, note);
    await work(outcome);
    return outcome;
  };
  try {
    await meanwhile();
  } finally {
    adapter.restore = restore;
  }
}

/** Once a restore has compared and written, just before its commit. */
async function beforeCommit(
  work: () => Promise<unknown>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = (item, note) =>
    restore(item, async (transaction) => {
      await work();
      await note(transaction);
    });
  try {
    await meanwhile();
  } finally {
    adapter.restore = restore;
  }
}

/** The first order of a run is restored although something came in between: a person has to look. */
async function expectLeftToPerson(
  { orders, incident, runId }: Awaited<ReturnType<typeof startedRun>>,
  difference: RegExp,
): Promise<void> {
  await scene.heard();
  expect(await scene.run(runId)).toMatchObject({
    state: 'stopped',
    stopReason: 'read-back-differs',
  });
  expect(await scene.itemStates(runId)).toEqual({
    [orders[0]!]: 'failed: read-back-differs',
    [orders[1]!]: 'pending',
  });
  expect((await scene.caseStates(incident))[orders[0]!]).toBe('person');
  expect(await scene.words(incident, 'order-failed')).toEqual([expect.stringMatching(difference)]);
  expect(await scene.pages(incident)).toContainEqual(expect.stringMatching(difference));
  expect(await scene.writes(orders)).toEqual([1, 0]);
}

async function heardAtOnce(): Promise<void> {
  await scene.journalled();
  await scene.echo();
}

describe('an order that the shop changes a moment after its restore, before its runner knows that it is restored', () => {
  it('and cancels again: that stops the run, is told and leaves the case open', async () => {
    const { orders, incident, runId, job } = await startedRun(2);
    await rightAfterCommit(
      async (outcome) => {
        expect(outcome).toMatchObject({ outcome: 'applied' });
        await scene.cancel([orders[0]!], job);
        await heardAtOnce();
      },
      () => scene.runners(),
    );
    await scene.heard();
    expect(await scene.words(incident, 'order-cancelled-again')).toHaveLength(1);
    expect(await scene.run(runId)).toMatchObject({
      state: 'stopped',
      stopReason: 'cancelled-again',
    });
    expect((await scene.caseStates(incident))[orders[0]!]).toBe('open');
    expect(await scene.itemStates(runId)).toMatchObject({
      [orders[0]!]: 'verified',
      [orders[1]!]: 'pending',
    });
    expect(await scene.writes(orders)).toEqual([1, 0]);
  });

  it('and ships: that is told once, and the order counts as restored', async () => {
    const { orders, incident, runId } = await startedRun(1);
    await rightAfterCommit(
      async () => {
        for (const act of [pickOrder, shipOrder])
          expect(
            await scene.inShop((tx) => act(tx, { orderId: orders[0]!, actor: staff })),
          ).toMatchObject({ done: true });
        await heardAtOnce();
      },
      () => scene.runners(),
    );
    await scene.runUntil(runId, 'finished');
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect(await scene.words(incident, 'order-changed-since')).toHaveLength(1);
    expect((await scene.caseStates(incident))[orders[0]!]).toBe('restored');
    for (const type of ['order-restored', 'order-verified'])
      expect((await scene.timeline(incident)).filter((told) => told === type)).toHaveLength(1);
  });
});

describe('a runner that falls silent while it writes down what it did', () => {
  it('keeps the run from another one until the server ends its transaction, of which nothing is recorded', async () => {
    const { orders, incident, runId } = await startedRun(2);
    const other = await scene.secondRunner();
    const items = scene.get(RunItemStore);
    const endAttempt = items.endAttempt.bind(items);
    // it has locked the run and changed the item; what it says next comes after the other one's turn
    const silent = Promise.withResolvers<undefined>();
    const awake = Promise.withResolvers<undefined>();
    items.endAttempt = async (transaction, ...given) => {
      items.endAttempt = endAttempt;
      await transaction.query(`SET LOCAL idle_in_transaction_session_timeout = '300ms'`);
      silent.resolve(undefined);
      await awake.promise;
      await endAttempt(transaction, ...given);
    };
    const first = scene.runners();
    await silent.promise;
    await other.run({ now: scene.clock.now(), signal: new AbortController().signal });
    expect(await scene.itemStates(runId)).toMatchObject({ [orders[0]!]: 'applied' });
    awake.resolve(undefined);
    await expect(first).rejects.toMatchObject({ code: 'transaction-lost' });
    await scene.runUntil(runId, 'finished');
    expect(Object.values(await scene.itemStates(runId))).toEqual(['verified', 'verified']);
    expect(await scene.writes(orders)).toEqual([1, 1]);
    for (const type of ['order-restored', 'order-verified'])
      expect((await scene.timeline(incident)).filter((told) => told === type)).toHaveLength(2);
  });
});

describe('a row of a table that the profile does not lock', () => {
  it('and that is changed between the comparison and the commit stops the run for a person', async () => {
    const started = await startedRun(2);
    await beforeCommit(
      () =>
        scene.shopQuery(`UPDATE shop.order_history SET reason = 'fraud' WHERE order_id = $1`, [
          started.orders[0],
        ]),
      () => scene.runners(),
    );
    await expectLeftToPerson(
      started,
      /row \d+ of shop\.order_history was changed by somebody else before the commit \(journal \d+\)/,
    );
  });
});

describe('a shop without foreign keys', () => {
  it('has its orders restored exactly all the same', async () => {
    await scene.shopQuery(`DO $$ DECLARE one record; BEGIN
      FOR one IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
                  WHERE contype = 'f' AND connamespace = 'shop'::regnamespace
      LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.of, one.conname); END LOOP; END $$`);
    const placed = await scene.placePaid([1, 2, 1]);
    const before = await scene.shopState();
    const incident = await scene.harm(placed, 'keyless');
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    expect(Object.values(await scene.itemStates(runId))).toEqual(placed.map(() => 'verified'));
    expect(await scene.shopState()).toEqual(before);
    expect(await scene.writes(placed)).toEqual(placed.map(() => 1));
  });

  it('where money is given back between the comparison and the commit stops the run for a person', async () => {
    const started = await startedRun(2);
    await beforeCommit(
      () =>
        scene.shopQuery(
          `INSERT INTO shop.refund (payment_id, amount_minor, reason)
           SELECT id, amount_minor, 'by hand' FROM shop.payment WHERE order_id = $1`,
          [started.orders[0]],
        ),
      () => scene.runners(),
    );
    await expectLeftToPerson(
      started,
      /row \d+ of shop\.refund was added by somebody else before the commit \(journal \d+\)/,
    );
  });
});

describe('the shop’s own code on the same orders while a run restores them', () => {
  it('never fails for it, and each order is restored whole or refused whole', async () => {
    const { orders, incident, runId } = await startedRun(12);
    const before = await scene.shopQuery<{ id: string; status: string }>(
      `SELECT id, status FROM shop.orders WHERE id = ANY ($1::bigint[])`,
      [orders],
    );
    expect(before.every(({ status }) => status === 'cancelled')).toBe(true);
    // staff look at the orders one by one, under the shop's own locks, and note what they saw of every third
    const clerk = async () => {
      for (let turn = 0; turn < 4 * orders.length; turn += 1)
        await inTransaction(scene.shop, async (tx) => {
          const place = turn % orders.length;
          const orderId = orders[place]!;
          await tx.query(`SELECT FROM shop.orders WHERE id = $1 FOR UPDATE`, [orderId]);
          await tx.query(
            `SELECT FROM shop.stock WHERE product_id = 3 AND warehouse = 'LEJ' FOR UPDATE`,
          );
          if (place % 3 === 0)
            await addHistory(tx, { orderId, type: 'NOTE', actor: staff, reason: 'looked at' });
        });
    };
    await scene.query(
      `UPDATE restore_run SET limits = limits || '{"stopAtLockTimeouts": 1000, "stopAtFailureRate": 1}' WHERE id = $1`,
      [runId],
    );
    // a deadlock, or a lock that the shop waited for too long, would throw here
    await Promise.all([clerk(), clerk(), scene.runUntil(runId, 'finished')]);
    const states = await scene.itemStates(runId);
    const restored = orders.filter((orderId) => states[orderId] === 'verified');
    expect(await scene.writes(orders)).toEqual(
      orders.map((orderId) => (restored.includes(orderId) ? 1 : 0)),
    );
    const open = await scene.shopQuery<{ id: string }>(
      `SELECT id FROM shop.orders WHERE id = ANY ($1::bigint[]) AND status = 'paid' ORDER BY id`,
      [orders],
    );
    expect(open.map(({ id }) => id)).toEqual(restored);
    const cases = await scene.caseStates(incident);
    for (const orderId of orders)
      expect(cases[orderId]).toBe(restored.includes(orderId) ? 'restored' : 'person');
    const wrong = await scene.shopQuery(
      `SELECT FROM shop.stock s WHERE s.allocated <> (
         SELECT coalesce(sum(CASE kind WHEN 'ALLOCATE' THEN quantity ELSE -quantity END), 0) FROM shop.stock_movement m
          WHERE m.product_id = s.product_id AND m.warehouse = s.warehouse AND kind <> 'RECEIPT')`,
    );
    expect(wrong).toEqual([]);
  });
});
