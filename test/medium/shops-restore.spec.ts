import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { FAULT_WAYS } from '../../demo/faults/fault-report.js';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import type { PlannedChange, RestoreItem, RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { flushPrefix, markerPrefix, verifiedMarker } from '../../src/shops/restore-marker.js';
import {
  AdapterScene,
  differences,
  expectationsOf,
  leftBehind,
  markerKey,
} from '../support/adapter-scene.js';

const actor = { kind: 'staff', name: 'warehouse' } as const;
const note = () => Promise.resolve();

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
});

describe('restore', () => {
  test.each(FAULT_WAYS)('gives back an order cancelled by the way %s, whole', async (way) => {
    const { orderId, item, before } = await scene.wronglyCancelled(way);
    const versionBefore = Number(before['orders']![orderId]!['version']);
    expect(differences(before, await scene.dump())).not.toEqual([]);

    let noted: unknown;
    const outcome = await scene.adapter.restore(item, (transaction) => {
      noted = transaction;
      return Promise.resolve();
    });
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(outcome).toMatchObject(noted as object);

    const after = await scene.dump();
    expect(differences(before, after).sort()).toEqual(leftBehind[way]);
    expect(Number(after['orders']![orderId]!['version'])).toBeGreaterThan(versionBefore);
    expect(await scene.adapter.verify(item)).toEqual([]);
    expect(await scene.adapter.read(orderId)).toMatchObject({ status: 'paid', state: 'open' });
    await inTransaction(scene.pool, async (tx) => {
      expect(await pickOrder(tx, { orderId, actor })).toMatchObject({ done: true });
      expect(await shipOrder(tx, { orderId, actor })).toMatchObject({ done: true });
    });
  });

  test('an order whose id is too big for a JavaScript number is told from its neighbour', async () => {
    const next = (id: string) =>
      scene.pool.query(`ALTER TABLE shop.orders ALTER COLUMN id RESTART WITH ${id}`);
    const { rows } = await scene.pool.query<{ id: string }>(
      'SELECT max(id) + 1 AS id FROM shop.orders',
    );
    await next('9007199254740992');
    const neighbour = await scene.wronglyCancelled('sql');
    const { orderId, item } = await scene.wronglyCancelled('sql');
    expect([neighbour.orderId, orderId]).toEqual(['9007199254740992', '9007199254740993']);
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
    expect(await scene.adapter.read(orderId)).toMatchObject({ orderId, status: 'paid' });
    expect(await scene.adapter.read(neighbour.orderId)).toMatchObject({ status: 'cancelled' });
    await next(rows[0]!.id);
  });

  test('the same item again is refused, never doubled', async () => {
    const { item } = await scene.wronglyCancelled();
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
    const after = await scene.dump();
    expect(await scene.adapter.restore(item, note)).toMatchObject({
      outcome: 'refused',
      reason: 'not-cancelled-any-more',
    });
    expect(await scene.dump()).toEqual(after);
  });

  test('of two at once one is applied and one refused', async () => {
    const { item } = await scene.wronglyCancelled();
    const outcomes = await Promise.all([
      scene.adapter.restore(item, note),
      scene.adapter.restore(item, note),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['applied', 'refused']);
  });

  test('many orders side by side that share their counters all come back in the end', async () => {
    const orders = [];
    for (let index = 0; index < 8; index += 1) orders.push(await scene.wronglyCancelled('api'));
    const attempt = async (item: RestoreItem): Promise<RestoreOutcome> => {
      const outcome = await scene.adapter.restore(item, note);
      return outcome.outcome === 'failed' && outcome.retry ? attempt(item) : outcome;
    };
    const outcomes = await Promise.all(orders.map(({ item }) => attempt(item)));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(orders.map(() => 'applied'));
    const { rows } = await scene.pool.query<{ wrong: string }>(
      `SELECT count(*) AS wrong FROM shop.stock s WHERE s.allocated <> (
         SELECT coalesce(sum(CASE kind WHEN 'ALLOCATE' THEN quantity ELSE -quantity END), 0)
           FROM shop.stock_movement m WHERE m.product_id = s.product_id AND kind IN ('ALLOCATE', 'RELEASE', 'SHIP'))`,
    );
    expect(rows).toEqual([{ wrong: '0' }]);
  });

  test('an undo gives back the cancelled order, ledger rows and all', async () => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    const rowsCancelled = await scene.rowsOf(orderId);
    const cancelled = await scene.dump();
    await scene.adapter.restore(item, note);
    const undo: RestoreItem = {
      itemId: crypto.randomUUID(),
      action: 'undo',
      orderId,
      expectedStatus: 'paid',
      changes: item.changes.flatMap((change): PlannedChange[] => {
        if (change.do === 'set') return [{ ...change, expected: change.to, to: change.expected }];
        if (change.do === 'move') return [{ ...change, amount: `-${change.amount}` }];
        if (change.do !== 'insert' || change.compensates === null) return [];
        return [{ ...change, row: { ...change.row, kind: 'RELEASE' } }];
      }),
      expect: expectationsOf(scene.profile, await scene.rowsOf(orderId)),
    };
    expect(await scene.adapter.restore(undo, note)).toMatchObject({ outcome: 'applied' });
    expect(differences(cancelled, await scene.dump())).toEqual([
      'stock_movement +4',
      'order_history +1',
    ]);
    expect((await scene.rowsOf(orderId)).get('shop.order_line')).toEqual(
      rowsCancelled.get('shop.order_line'),
    );
    expect(await scene.adapter.restore(undo, note)).toMatchObject({ reason: 'changed-since' });
  });

  test('leaves the mark in the log, and an id by which its outcome can be asked for', async () => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    const slot = `${scene.database.name}_mark`;
    await scene.pool.query(`CREATE PUBLICATION marks FOR TABLE shop.orders`);
    await scene.pool.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
    try {
      const outcome = await scene.adapter.restore(item, note);
      const { rows } = await scene.pool.query<{ data: Buffer }>(
        `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'marks', 'messages', 'true')`,
        [slot],
      );
      const messages = rows
        .map(({ data }) => data.toString('latin1'))
        .filter((text) => text.startsWith('M'));
      // the one that has the log written to disk stands outside of the transaction
      expect(messages).toEqual([
        expect.stringContaining(flushPrefix),
        expect.stringContaining(`${markerPrefix}\0`),
      ]);
      const content = /\{.*\}/.exec(messages[1]!)?.[0] ?? '';
      const subject = { shopId: 'main', orderId, itemId: item.itemId, action: 'restore' };
      expect(verifiedMarker(content, { shopId: 'main', key: markerKey })).toEqual(subject);
      const noted = outcome as { transactionId: number; incarnation: string };
      expect(await scene.adapter.outcomeOf(noted)).toBe('committed');
      expect(await scene.adapter.outcomeOf({ ...noted, incarnation: '1/1' })).toBe('unknown');
      expect(await scene.adapter.outcomeOf({ ...noted, transactionId: 2 ** 40 })).toBe('unknown');
    } finally {
      await scene.pool.query(`SELECT pg_drop_replication_slot($1)`, [slot]);
      await scene.pool.query(`DROP PUBLICATION marks`);
    }
  });
});

/** Stands between the adapter and the server, and cuts the connection when it sees COMMIT. */
async function cuttingProxy(options: {
  deliver: boolean;
}): Promise<{ url: string; close: () => void }> {
  const target = new URL(scene.urls.write);
  const port = Number(target.port);
  const sockets: Socket[] = [];
  const server: Server = createServer((client) => {
    const upstream = connect(port, target.hostname);
    sockets.push(client, upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) socket.setNoDelay().on('error', () => undefined);
    client.on('data', (data) => {
      if (!data.includes('COMMIT\0')) {
        upstream.write(data);
        return;
      }
      upstream.unpipe(client);
      if (options.deliver) upstream.end(data);
      else upstream.destroy();
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  target.port = String((server.address() as AddressInfo).port);
  return {
    url: target.href,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a connection cut at COMMIT', () => {
  test.each([
    [true, 'committed'],
    [false, 'aborted'],
  ] as const)(
    'is an unknown outcome until the server is asked (delivered: %s)',
    async (deliver, fate) => {
      const { item } = await scene.wronglyCancelled();
      const proxy = await cuttingProxy({ deliver });
      const cut = scene.open({ writeUrl: proxy.url });
      let noted: { transactionId: number; incarnation: string } | undefined;
      const outcome = await cut.restore(item, (transaction) => {
        noted = transaction;
        return Promise.resolve();
      });
      expect(outcome).toMatchObject({ outcome: 'unknown', ...noted });
      proxy.close();
      let status = await scene.adapter.outcomeOf(noted!);
      for (let tries = 0; status === 'in-progress' && tries < 100; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        status = await scene.adapter.outcomeOf(noted!);
      }
      expect(status).toBe(fate);
      expect((await scene.adapter.verify(item)).length === 0).toBe(fate === 'committed');
      expect(await scene.adapter.restore(item, note)).toMatchObject(
        fate === 'committed' ? { reason: 'not-cancelled-any-more' } : { outcome: 'applied' },
      );
    },
  );

  test('is in progress while the transaction is still open', async () => {
    const { item } = await scene.wronglyCancelled();
    await scene.adapter.restore(item, async (transaction) => {
      expect(await scene.adapter.outcomeOf(transaction)).toBe('in-progress');
    });
  });
});
