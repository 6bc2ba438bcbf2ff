import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { GrowthStore } from '../../src/incidents/growth.store.js';
import { ReplicationStore } from '../../src/intake/replication/replication.store.js';
import type { StreamState } from '../../src/intake/replication/stream-state.js';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { insertShop, orderEvent } from '../support/order-events.js';
import {
  createReinstateDatabase,
  createTestDatabase,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { watchStreams, type StreamWatch } from '../support/stream-watch.js';
import { cancelOrder, openTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const start = new Date('2026-11-22T03:00:00Z');
const nowhere = 'postgresql://nobody@127.0.0.1:1/none';

describe('an alert about a stream', () => {
  let test: ReinstateTestDatabase;
  let bench: StreamWatch;
  const store = new ReplicationStore();

  beforeAll(() => {
    Logger.overrideLogger(false);
  });
  beforeEach(async () => {
    test = await createReinstateDatabase();
    bench = watchStreams(test.database, { main: nowhere, second: nowhere }, start);
    for (const shopId of ['main', 'second']) await attach(shopId);
  });
  afterEach(async () => {
    await bench.close();
    await test.drop();
  });

  async function attach(shopId: string): Promise<void> {
    await test.database.query(insertShop, [shopId]);
    const now = bench.clock.now();
    await store.prepare(test.database, { shopId, name: `slot_${shopId}`, identities: {}, now });
    await store.begin(test.database, { shopId, now });
    await set(shopId, 'streaming');
  }

  /** As intake writes it, and heard just now. */
  async function set(
    shopId: string,
    state: StreamState,
    problem: string | null = null,
  ): Promise<void> {
    const now = bench.clock.now();
    await store.setState(test.database, { shopId, state, problem, now });
    await test.database.query(
      'UPDATE replication_stream SET last_message_at = $2 WHERE shop_id = $1',
      [shopId, now],
    );
  }

  /** The streams that are well hear something all the while. */
  async function lookOn(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 5) {
      await test.database.query(
        `UPDATE replication_stream SET last_message_at = $1 WHERE state = 'streaming'`,
        [bench.clock.now()],
      );
      await bench.lookOn(5);
    }
  }

  const alerts = async () => {
    const { items } = await bench.alerts.list({ limit: 50 });
    return items.map(({ name, state, shopId }) => `${shopId} ${name} ${state}`);
  };

  it('fires once for a connection that stays away, pages once, and resolves by itself', async () => {
    await set('main', 'interrupted', 'connect ECONNREFUSED 10.0.0.7:5432');
    await bench.look();
    await lookOn(55);
    expect([await alerts(), await bench.pages()]).toEqual([[], []]);
    await lookOn(600);
    expect(await alerts()).toEqual(['main IntakeStalled firing']);
    const pages = await bench.pages();
    expect(pages).toHaveLength(1);
    expect(pages[0]).toMatchObject({ kind: 'stream-alert', severity: 'high' });
    expect(pages[0]?.line).toContain(
      'No order changes of shop main come in, since 2026-11-22 03:00:00 UTC',
    );
    expect(JSON.stringify(pages)).not.toContain('10.0.0.7');
    expect(pages[0]?.details.join()).toContain(
      'https://reinstate.example/api/v1/runbooks/IntakeStalled',
    );
    expect(await bench.registry.metrics()).toContain(
      'reinstate_alerts_firing{shop="main",alertname="IntakeStalled",severity="high"} 1',
    );

    await set('main', 'streaming');
    await lookOn(55);
    expect(await alerts()).toEqual(['main IntakeStalled firing']);
    await lookOn(10);
    expect(await alerts()).toEqual(['main IntakeStalled resolved']);
    expect(await bench.pages()).toHaveLength(1);
  });

  it('pages once again when it happens again', async () => {
    for (let time = 1; time <= 2; time += 1) {
      await set('main', 'interrupted');
      await lookOn(90);
      expect(await bench.pages()).toHaveLength(time);
      await set('main', 'streaming');
      await lookOn(90);
    }
    expect(await alerts()).toEqual(['main IntakeStalled resolved', 'main IntakeStalled resolved']);
  });

  it('wakes nobody for connections that come back, however often', async () => {
    for (let time = 0; time < 10; time += 1) {
      await set('main', 'interrupted');
      await lookOn(30);
      await set('main', 'streaming');
      await lookOn(30);
    }
    expect([await alerts(), await bench.pages()]).toEqual([[], []]);
    expect(await test.database.query('SELECT 1 FROM stream_alert')).toEqual([]);
  });

  it('is not taken in by a connection that comes for a moment and breaks again', async () => {
    for (let time = 0; time < 4; time += 1) {
      await set('main', 'interrupted');
      await lookOn(20);
      await set('main', 'streaming');
      await lookOn(5);
    }
    expect(await alerts()).toEqual(['main IntakeStalled firing']);
  });

  it('of tables that no longer fit fires at once, and stays until somebody has mended them', async () => {
    await set('main', 'mismatch', 'shop.orders has no column total any more');
    await bench.look();
    expect(await alerts()).toEqual(['main MappingMismatch firing']);
    expect((await bench.pages())[0]?.line).toContain('shop.orders has no column total any more');
    await lookOn(1_000);
    expect(await bench.pages()).toHaveLength(1);
    await set('main', 'streaming');
    await lookOn(70);
    expect(await alerts()).toEqual(['main MappingMismatch resolved']);
  });

  it('of changes that were lost stays until order changes come in again', async () => {
    const gap = 'the replication slot is gone';
    await store.lose(test.database, { shopId: 'main', gap, now: bench.clock.now() });
    await bench.look();
    expect(await alerts()).toEqual(['main JournalGap firing']);
    const slot = {
      generation: 2,
      incarnation: '1/1/2',
      consistentPoint: '0/100',
      mappingHash: 'h',
      unseen: { unseenTables: {}, gap: null },
    };
    await test.database.transaction((transaction) =>
      store.beginSlot(transaction, { shopId: 'main', now: bench.clock.now(), ...slot }),
    );
    await lookOn(120);
    expect(await alerts()).toEqual(['main JournalGap firing']);
    await set('main', 'streaming');
    await lookOn(70);
    expect(await alerts()).toEqual(['main JournalGap resolved']);
    expect(await bench.pages()).toHaveLength(1);
  });

  it('tells of a gap that came and went while nobody looked, once', async () => {
    const journal = new JournalService(test.database, new JournalStore());
    const gap = (n: number, transactionId: number) =>
      test.database.transaction((transaction) =>
        journal.append(
          transaction,
          'main',
          [
            orderEvent(n, {
              ...{ shopId: 'main', orderId: '', kinds: ['gap'], reason: `lost ${n}` },
              source: { incarnation: '1/1/1', commitLsn: `0/${n}`, transactionId },
            }),
          ],
          bench.clock.now(),
        ),
      );
    await gap(1, 0);
    await bench.look();
    expect(await alerts()).toEqual(['main JournalGap firing']);
    await lookOn(70);
    await lookOn(70);
    expect((await bench.pages()).map(({ line }) => line)).toEqual([
      expect.stringContaining('lost 1'),
    ]);
    await gap(2, 77);
    await bench.look(5);
    await gap(3, 78);
    await bench.look(5);
    expect((await bench.pages()).map(({ severity }) => severity)).toEqual(['high', 'low']);
  });

  it('says at once that writes of the shop fail because of us', async () => {
    await set('main', 'streaming', 'updates of shop.note fail in the shop');
    await bench.look();
    expect((await bench.pages()).map(({ severity, line }) => [severity, line])).toEqual([
      ['critical', expect.stringContaining('updates of shop.note fail')],
    ]);
  });

  it('says that a silent shop does not answer, and not that a detached one is silent', async () => {
    await store.detach(test.database, { shopId: 'second', now: bench.clock.now() });
    await bench.lookOn(170);
    expect(await alerts()).toEqual([]);
    await bench.lookOn(30);
    expect(await alerts()).toEqual(['main IntakeStalled firing']);
    expect((await bench.pages())[0]?.line).toContain('its database does not answer');
  });

  it('resolves when the shop is detached', async () => {
    await set('main', 'interrupted');
    await lookOn(90);
    await store.detach(test.database, { shopId: 'main', now: bench.clock.now() });
    await set('second', 'streaming');
    await lookOn(70);
    expect(await alerts()).toEqual(['main IntakeStalled resolved']);
  });

  it('is made once by two processes at once', async () => {
    await set('main', 'mismatch', 'x');
    const { signal } = new AbortController();
    const now = bench.clock.now();
    await Promise.all(Array.from({ length: 4 }, () => bench.step.run({ now, signal })));
    expect(await alerts()).toEqual(['main MappingMismatch firing']);
    expect(await bench.pages()).toHaveLength(1);
  });

  it('of one shop does not wait for another shop that cannot be watched', async () => {
    await withClient(test.url, (client) =>
      client.query(`
        CREATE FUNCTION reinstate.refuse_main() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
        CREATE TRIGGER refuse_main BEFORE INSERT ON reinstate.stream_alert FOR EACH ROW
          WHEN (NEW.shop_id = 'main') EXECUTE FUNCTION reinstate.refuse_main()`),
    );
    await set('main', 'mismatch', 'x');
    await set('second', 'mismatch', 'y');
    await bench.look();
    expect(await alerts()).toEqual(['second MappingMismatch firing']);
    expect(await bench.registry.metrics()).toContain(
      'reinstate_alerting_failures_total{row="stream"} 1',
    );
    await withClient(test.url, (client) =>
      client.query('DROP TRIGGER refuse_main ON reinstate.stream_alert'),
    );
    await bench.look(5);
    expect((await alerts()).sort()).toEqual([
      'main MappingMismatch firing',
      'second MappingMismatch firing',
    ]);
  });

  it('opens no incident', async () => {
    await set('main', 'mismatch', 'x');
    await bench.look();
    expect(
      await new GrowthStore().alertsToTake(test.database, {
        ...{ shopIds: ['main', 'second'], except: [], limit: 10 },
      }),
    ).toEqual([]);
  });

  it('can be read like any other', async () => {
    await set('main', 'mismatch', 'x');
    await bench.look();
    const { items } = await bench.alerts.list({ limit: 1 });
    expect(await bench.alerts.get(items[0]!.id)).toMatchObject({
      findingId: null,
      labels: { alertname: 'MappingMismatch', shop: 'main', severity: 'high' },
      annotations: { runbook_url: expect.stringContaining('/runbooks/MappingMismatch') },
      startsAt: start,
      endsAt: null,
    });
  });
});

describe('a real stream', () => {
  let shop: TestShop;
  let harness: Harness;
  let bench: StreamWatch;

  beforeEach(async () => {
    shop = await openTestShop(await createTestDatabase());
    harness = await createHarness(shop);
    bench = watchStreams(harness.database, { [harness.shopId]: shop.credentials.replicate }, start);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
  });
  afterEach(async () => {
    await bench.close();
    await harness.close();
    await shop.drop();
  });

  const streaming = (generation: number) =>
    until('streaming', async () => {
      const { state, slotGeneration } = await harness.row();
      return state === 'streaming' && slotGeneration === generation;
    });

  it('whose slot was dropped pages once: changes were lost', async () => {
    const first = await harness.attach({ allowUnboundedWal: true });
    await streaming(1);
    bench.clock.set(new Date());
    await bench.look();
    await first.stop();
    await shop.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    );
    harness.open().start();
    await streaming(2);
    bench.clock.set(new Date());
    await bench.look();
    await bench.look(1);
    const pages = await bench.pages();
    expect(pages).toHaveLength(1);
    expect(pages[0]?.line).toContain('is gone: somebody dropped it');
  });

  it('that journals nothing although its shop goes on is told', async () => {
    await harness.attach({ allowUnboundedWal: true });
    await streaming(1);
    await harness.caughtUp();
    const holder = new pg.Client({ connectionString: harness.reinstate.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE reinstate.replication_stream IN EXCLUSIVE MODE');
    await shop.run(cancelOrder(1));
    bench.clock.set(new Date(Date.now() + 121_000));
    await bench.look();
    for (let look = 0; look < 12; look += 1) await bench.look(5);
    await holder.end();
    expect((await bench.pages()).map(({ line }) => line)).toEqual([
      expect.stringContaining('the shop goes on, and nothing of it is journalled'),
    ]);
  });
});
