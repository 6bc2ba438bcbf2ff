import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { JournalMetrics } from '../../src/journal/journal.metrics.js';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import type { OrderEvent } from '../../src/orders/order-event.js';
import type { OrderSnapshot } from '../../src/orders/order-snapshot.js';
import { ManualClock } from '../../src/platform/clock.js';
import { ScrapedRows } from '../../src/platform/telemetry/scraped-rows.js';
import { IncidentHarness, orders as cancelledOrders } from '../support/incident-harness.js';
import { insertShop, orderEvent } from '../support/order-events.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';
import { parseExposition, type Series } from '../support/promql.js';

const now = new Date('2026-11-22T03:00:00Z');

/** The order metrics as a process that has just started tells them. */
async function toldBy({ database }: ReinstateTestDatabase): Promise<string[]> {
  const registry = new Registry();
  const scraped = new ScrapedRows(registry, database, new ManualClock(now));
  new JournalMetrics(registry, scraped, new JournalStore());
  return linesOf(await registry.metrics());
}

/** The order metrics that are not zero, without their prefix. */
function linesOf(exposition: string): string[] {
  const values = new Map(
    exposition.split('\n').map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
  return [...values]
    .filter(([series, value]) => series.startsWith('reinstate_orders_') && value !== 0)
    .map(([series, value]) => `${series.replace('reinstate_orders_', '')} ${value}`)
    .sort();
}

describe('orders placed and cancelled', () => {
  let test: ReinstateTestDatabase;
  let journal: JournalService;
  let events = 0;

  beforeAll(async () => {
    test = await createReinstateDatabase();
    for (const shop of ['shop', 'other']) await test.database.query(insertShop, [shop]);
    journal = new JournalService(test.database, new JournalStore());
  });
  afterAll(() => test.drop());

  const event = (given: Partial<OrderEvent>) => orderEvent((events += 1), given);
  const append = (told: readonly OrderEvent[], shopId = 'shop') =>
    test.database.transaction((transaction) =>
      journal.append(
        transaction,
        shopId,
        told.map((one) => ({ ...one, shopId })),
        now,
      ),
    );

  it('stand at zero for every shop, by each kind of actor', async () => {
    const registry = new Registry();
    const scraped = new ScrapedRows(registry, test.database, new ManualClock(now));
    new JournalMetrics(registry, scraped, new JournalStore());
    const shown = parseExposition(await registry.metrics());
    const of = (name: string): Series[] => shown.filter((one) => one.name === name);
    expect(of('reinstate_orders_placed_total')).toHaveLength(2);
    expect(of('reinstate_orders_cancelled_total')).toHaveLength(2 * 5);
    expect(of('reinstate_orders_judged_total')).toHaveLength(2 * 5 * 3);
    expect(await toldBy(test)).toEqual([]);
  });

  it('are counted once, as they are journalled, whatever process is asked', async () => {
    const placed = [1, 2, 3].map(() => event({ kinds: ['placed'], actorKind: 'customer' }));
    const cancelled = [1, 2].map(() =>
      event({ kinds: ['cancelled', 'changed'], actorKind: 'job' }),
    );
    await append([...placed, ...cancelled]);
    await append([event({ kinds: ['placed', 'cancelled'], actorKind: 'api' })], 'other');
    const expected = [
      'cancelled_total{shop="other",actor_kind="api"} 1',
      'cancelled_total{shop="shop",actor_kind="job"} 2',
      'placed_total{shop="other"} 1',
      'placed_total{shop="shop"} 3',
    ];
    expect(await toldBy(test)).toEqual(expected);
    // delivered again, as after a crash
    await append(cancelled);
    expect(await toldBy(test)).toEqual(expected);
    // a batch that is given up has not happened
    const failing = test.database.transaction(async (transaction) => {
      await journal.append(transaction, 'shop', [event({ kinds: ['placed'] })], now);
      throw new Error('given up');
    });
    await expect(failing).rejects.toThrow('given up');
    expect(await toldBy(test)).toEqual(expected);
  });

  it('leave out our own undos, carts that are given up, and entries without an order', async () => {
    const before = await toldBy(test);
    const draft = { state: 'draft' } as OrderSnapshot;
    await append([
      event({ marker: { action: 'undo', itemId: 'item' } }),
      event({ snapshot: draft }),
      event({ orderId: '', kinds: ['shared'] }),
      event({ kinds: ['paid', 'shipped'] }),
    ]);
    expect(await toldBy(test)).toEqual(before);
  });
});

describe('verdicts', () => {
  let bench: IncidentHarness;

  beforeAll(async () => {
    bench = await IncidentHarness.create();
  });
  afterAll(() => bench.close());

  const judged = async () =>
    (await toldBy(bench.test)).filter((line) => line.startsWith('judged_total'));

  it('are counted as they are given, and once more where another one is', async () => {
    const byJob = { actorKind: 'job', actor: 'unpaid-orders', reason: null } as const;
    await bench.find('night', await bench.cancel(cancelledOrders('N', 3, byJob)));
    await bench.run();
    const incident = await bench.incidentOf('night');
    const counted = async (): Promise<Record<string, number>> => {
      const lines = (await judged()).map((line) => line.split(' ') as [string, string]);
      return Object.fromEntries(
        lines.map(([series, value]): [string, number] => [
          /verdict="(\w+)"/.exec(series)?.[1] ?? '',
          Number(value),
        ]),
      );
    };
    const first = await counted();
    const given = Object.values(await bench.verdicts(incident.id));
    expect(Object.values(first).reduce((sum, count) => sum + count, 0)).toBe(given.length);
    for (const verdict of new Set(given))
      expect(first[verdict]).toBe(given.filter((one) => one === verdict).length);

    // looked at again, nothing is new
    await bench.runIncidents();
    expect(await counted()).toEqual(first);

    const [one] = await bench.cases(incident.id);
    const say = (verdict: 'intended') =>
      bench.parts.cases.decideVerdict(bench.caller, {
        ...{ incidentId: incident.id, caseId: one!.id, verdict },
        reason: 'the customer called',
      });
    await say('intended');
    await say('intended');
    expect(await counted()).toEqual({ ...first, intended: 1 });
    expect(await judged()).toContain(
      'judged_total{shop="shop",actor_kind="job",verdict="intended"} 1',
    );
    expect(await bench.registry.metrics()).toContain(
      'reinstate_cases_judged{shop="shop",actor_kind="job",verdict="intended"} 1\n',
    );
  });
});
