import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import { pickOrder, shipOrder, type FulfilRequest } from '../../demo/shop/fulfil-order.js';
import { addHistory } from '../../demo/shop/history.js';
import { refundOrder } from '../../demo/shop/pay-order.js';
import { inTransaction, type Outcome, type Transaction } from '../../demo/shop/transaction.js';
import type { RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { ItemGroupStore } from '../../src/restore/runs/item-group.store.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const staff = { kind: 'staff', name: 'maria' } as const;
const wishOf = (orderId: string) => ({ orderId, actor: staff, reason: 'a wish' });

async function startedRun(count: number) {
  const orders = await scene.placePaid(Array<number>(count).fill(1));
  const job = `job-${(jobs += 1)}`;
  const incident = await scene.harm(orders, job);
  const { runId } = await scene.started(incident);
  return { orders, incident, runId, job };
}

/** Between the shop's commit of a restore and the moment at which its runner writes that down. */
async function rightAfterCommit(
  work: (outcome: RestoreOutcome, orderId: string) => Promise<void>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = async (item, note) => {
    const outcome = await restore(item, note);
    await work(outcome, item.orderId);
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

/** An order's row and lines, without moments and versions, by order id. */
async function rowsOf(orders: readonly string[]): Promise<Record<string, unknown>> {
  const rows = await scene.shopQuery<{ id: string }>(
    `SELECT o.id, to_jsonb(o) - 'updated_at' - 'version' AS own,
            (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id) FROM shop.order_line l WHERE l.order_id = o.id) AS lines,
            (SELECT sum(CASE m.kind WHEN 'ALLOCATE' THEN m.quantity ELSE -m.quantity END)::int
               FROM shop.stock_movement m JOIN shop.order_line l ON l.id = m.order_line_id
              WHERE l.order_id = o.id) AS held
       FROM shop.orders o WHERE o.id = ANY ($1::bigint[])`,
    [orders],
  );
  return Object.fromEntries(rows.map((row) => [row.id, row]));
}

/** Products of which the counter and the ledger do not say the same. */
async function countersOff(): Promise<unknown[]> {
  return scene.shopQuery(
    `SELECT s.product_id FROM shop.stock s WHERE s.allocated <> (
       SELECT coalesce(sum(CASE kind WHEN 'ALLOCATE' THEN quantity ELSE -quantity END), 0) FROM shop.stock_movement m
        WHERE m.product_id = s.product_id AND m.warehouse = s.warehouse AND kind <> 'RECEIPT')`,
  );
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

  it('and changes in an address, a quantity or a note: that is told once, and an undo leaves it alone', async () => {
    const { orders, incident, runId } = await startedRun(4);
    const cancelled = await rowsOf(orders);
    const [address, quantity, note, untouched] = orders as [string, string, string, string];
    const edits: Record<string, () => Promise<unknown>> = {
      [address]: () =>
        scene.shopQuery(`UPDATE shop.orders SET ship_city = 'Halle' WHERE id = $1`, [address]),
      [quantity]: () =>
        scene.shopQuery('UPDATE shop.order_line SET quantity = 2 WHERE order_id = $1', [quantity]),
      [note]: () =>
        scene.inShop((tx) => addHistory(tx, { orderId: note, type: 'NOTE', actor: staff })),
    };
    await rightAfterCommit(
      async (outcome, orderId) => {
        expect(outcome).toMatchObject({ outcome: 'applied' });
        await edits[orderId]?.();
        await heardAtOnce();
      },
      async () => {
        await scene.runUntil(runId, 'finished');
      },
    );
    expect(Object.values(await scene.itemStates(runId))).toEqual(orders.map(() => 'verified'));
    expect(new Set(Object.values(await scene.caseStates(incident)))).toEqual(new Set(['restored']));
    expect(await scene.writes(orders)).toEqual([1, 1, 1, 1]);
    expect(await scene.words(incident, 'order-changed-since')).toHaveLength(3);

    const changed = await rowsOf(orders);
    const undo = await scene.startedUndo(runId);
    expect(undo.plan).toMatchObject({ reopen: 1, person: 3 });
    await scene.runUntil(undo.runId, 'finished');
    expect(await scene.itemStates(undo.runId)).toEqual({ [untouched]: 'verified' });
    expect(await rowsOf(orders)).toEqual({ ...changed, [untouched]: cancelled[untouched] });
  });
});

describe('a runner that falls silent while it writes down what it did', () => {
  it('keeps the run from another one until the server ends its transaction, of which nothing is recorded', async () => {
    const { orders, incident, runId } = await startedRun(2);
    const other = await scene.secondRunner();
    const groups = scene.get(ItemGroupStore);
    const endApplied = groups.endApplied.bind(groups);
    // it has locked the run and changed the item; what it says next comes after the other one's turn
    const silent = Promise.withResolvers<undefined>();
    const awake = Promise.withResolvers<undefined>();
    groups.endApplied = async (transaction, ...given) => {
      groups.endApplied = endApplied;
      await transaction.query(`SET LOCAL idle_in_transaction_session_timeout = '300ms'`);
      silent.resolve(undefined);
      await awake.promise;
      await endApplied(transaction, ...given);
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

describe('an undo', () => {
  async function restoredRun(count: number) {
    const started = await startedRun(count);
    const cancelled = await scene.shopState();
    await scene.runUntil(started.runId, 'finished');
    return { ...started, cancelled, restored: await scene.shopState() };
  }

  it('gives way in a deadlock, and then leaves the shop as it was cancelled', async () => {
    const { orders, runId, cancelled, restored } = await restoredRun(1);
    const undo = await scene.startedUndo(runId);
    // of two that wait for each other the one that looks first is the victim: that is the shop
    await scene.shopQuery(
      `CREATE FUNCTION shop.hasty() RETURNS text LANGUAGE sql SECURITY DEFINER
         AS $$ SELECT set_config('deadlock_timeout', '1ms', true) $$`,
    );
    await scene.inShop(async (tx) => {
      const order = (how: string) =>
        tx.query(`SELECT FROM shop.orders WHERE id = $1 FOR UPDATE ${how}`, [orders[0]]);
      await tx.query('SELECT shop.hasty()');
      await tx.query('SELECT FROM shop.stock WHERE product_id = 3 FOR UPDATE');
      const turn = { isOver: false };
      const undoing = scene.runners().finally(() => (turn.isOver = true));
      const isHeld = async () => {
        await tx.query('SAVEPOINT look');
        const { rows } = await order('SKIP LOCKED');
        await tx.query('ROLLBACK TO look');
        return rows.length === 0;
      };
      // as long as the undo would wait for the stock it holds the order
      while (!turn.isOver && !(await isHeld()));
      await order('');
      await undoing;
    });
    expect(await scene.itemStates(undo.runId)).toEqual({ [orders[0]!]: 'pending: locked' });
    expect(await scene.shopState()).toEqual(restored);
    await scene.runUntil(undo.runId, 'finished');
    expect(await scene.shopState()).toEqual(cancelled);
    expect(await scene.writes(orders)).toEqual([2]);
    expect(await countersOff()).toEqual([]);
  });

  it('does nothing where a trigger doubles what it moves; without it the shop is as it was cancelled', async () => {
    const { orders, runId, cancelled, restored } = await restoredRun(2);
    const undo = await scene.startedUndo(runId);
    await scene.shopQuery(`
      CREATE FUNCTION shop.double() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE shop.stock SET allocated = allocated - NEW.quantity WHERE product_id = NEW.product_id;
        RETURN NULL;
      END $$`);
    await scene.shopQuery(
      'CREATE TRIGGER double AFTER INSERT ON shop.stock_movement FOR EACH ROW EXECUTE FUNCTION shop.double()',
    );
    const stopped = await scene.runUntil(undo.runId, 'stopped');
    await scene.shopQuery('DROP FUNCTION shop.double CASCADE');
    expect(stopped.stopReason).toBe('failure-rate');
    expect(await scene.itemStates(undo.runId)).toEqual({
      [orders[0]!]: 'failed: read-back-differs',
      [orders[1]!]: 'pending',
    });
    expect(await scene.shopState()).toEqual(restored);
    expect(await countersOff()).toEqual([]);
    const again = await scene.startedUndo(runId);
    await scene.runUntil(again.runId, 'finished');
    expect(await scene.shopState()).toEqual(cancelled);
    expect(await scene.writes(orders)).toEqual([2, 2]);
    expect(await countersOff()).toEqual([]);
  });
});

describe('a shop without foreign keys', () => {
  it('has its orders restored exactly all the same, and taken back as exactly', async () => {
    await scene.shopQuery(`DO $$ DECLARE one record; BEGIN
      FOR one IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
                  WHERE contype = 'f' AND connamespace = 'shop'::regnamespace
      LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.of, one.conname); END LOOP; END $$`);
    const placed = await scene.placePaid([1, 2, 1]);
    const before = await scene.shopState();
    const incident = await scene.harm(placed, 'keyless');
    const cancelled = await scene.shopState();
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    expect(Object.values(await scene.itemStates(runId))).toEqual(placed.map(() => 'verified'));
    expect(await scene.shopState()).toEqual(before);
    expect(await scene.writes(placed)).toEqual(placed.map(() => 1));
    const undo = await scene.startedUndo(runId);
    await scene.runUntil(undo.runId, 'finished');
    expect(Object.values(await scene.itemStates(undo.runId))).toEqual(placed.map(() => 'verified'));
    expect(await scene.shopState()).toEqual(cancelled);
    expect(await scene.writes(placed)).toEqual(placed.map(() => 2));
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
  /** Begun while the restore holds the order, and waiting for it until the commit. */
  async function begunUnderRestore(
    act: (tx: Transaction, request: FulfilRequest & { reason: string }) => Promise<Outcome>,
    { orders, runId }: Awaited<ReturnType<typeof startedRun>>,
  ): Promise<void> {
    const deeds: Promise<Outcome>[] = [];
    await beforeCommit(
      async () => {
        deeds.push(scene.inShop((tx) => act(tx, wishOf(orders[0]!))));
        await scene.until('the shop to wait for the restore', async () => {
          const waiting = await scene.shopQuery(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          return waiting.length > 0;
        });
      },
      () => scene.runners(),
    );
    expect(await Promise.all(deeds)).toEqual([expect.objectContaining({ done: true })]);
    await heardAtOnce();
    await scene.heard();
    expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'verified' });
    expect(await scene.writes(orders)).toEqual([1]);
    expect(await countersOff()).toEqual([]);
  }

  it.each([
    ['picks', pickOrder, 'order-changed-since', { status: 'picking', case: 'restored', held: 1 }],
    ['refunds', refundOrder, 'order-changed-since', { status: 'paid', case: 'restored', held: 1 }],
    [
      'cancels',
      cancelOrder,
      'order-cancelled-again',
      { status: 'cancelled', case: 'open', held: 0 },
    ],
  ] as const)(
    '%s an order as soon as its restore lets go of it',
    async (_name, act, told, { status, case: caseState, held }) => {
      const started = await startedRun(1);
      const { orders, incident } = started;
      await begunUnderRestore(act, started);
      expect(await rowsOf(orders)).toMatchObject({ [orders[0]!]: { own: { status }, held } });
      expect(await scene.caseStates(incident)).toEqual({ [orders[0]!]: caseState });
      expect(await scene.words(incident, told)).toHaveLength(1);
    },
  );

  it('is waited for where it holds the order, and what it did then is left to a person', async () => {
    const { orders, incident, runId } = await startedRun(1);
    const cancelled = await rowsOf(orders);
    await scene.inShop(async (tx) => {
      expect(await refundOrder(tx, wishOf(orders[0]!))).toMatchObject({ done: true });
      await scene.runners();
      expect(await scene.itemStates(runId)).toEqual({ [orders[0]!]: 'pending: locked' });
    });
    await scene.runUntil(runId, 'finished');
    expect(await scene.itemStates(runId)).toEqual({
      [orders[0]!]: expect.stringMatching(/^refused: (changed-since|money-returned)$/) as unknown,
    });
    expect((await scene.caseStates(incident))[orders[0]!]).toBe('person');
    expect(await scene.writes(orders)).toEqual([0]);
    expect(await rowsOf(orders)).toEqual(cancelled);
  });

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
    // the warehouse takes what it may have, and money goes back, restored or not
    const shopFloor = async () => {
      for (let turn = 0; turn < 4 * orders.length; turn += 1) {
        const orderId = orders[turn % orders.length]!;
        if (turn % 3 === 1) await scene.inShop((tx) => pickOrder(tx, { orderId, actor: staff }));
        // one a round, so that some have been restored by then and some not
        if (turn % 13 === 2) await scene.inShop((tx) => refundOrder(tx, wishOf(orderId)));
      }
    };
    await scene.query(
      `UPDATE restore_run SET limits = limits || '{"stopAtLockTimeouts": 1000, "stopAtFailureRate": 1}' WHERE id = $1`,
      [runId],
    );
    // a deadlock, or a lock that the shop waited for too long, would throw here
    await Promise.all([clerk(), clerk(), shopFloor(), scene.runUntil(runId, 'finished')]);
    const states = await scene.itemStates(runId);
    const restored = orders.filter((orderId) => states[orderId] === 'verified');
    expect(await scene.writes(orders)).toEqual(
      orders.map((orderId) => (restored.includes(orderId) ? 1 : 0)),
    );
    const open = await scene.shopQuery<{ id: string }>(
      `SELECT id FROM shop.orders WHERE id = ANY ($1::bigint[]) AND status IN ('paid', 'picking') ORDER BY id`,
      [orders],
    );
    expect(open.map(({ id }) => id)).toEqual(restored);
    const cases = await scene.caseStates(incident);
    for (const orderId of orders)
      expect(cases[orderId]).toBe(restored.includes(orderId) ? 'restored' : 'person');
    expect(await countersOff()).toEqual([]);
  });
});
