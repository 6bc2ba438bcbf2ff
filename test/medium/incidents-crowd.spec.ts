import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '../../src/orders/order-event.js';
import { IncidentHarness, orders, start } from '../support/incident-harness.js';
import { withClient } from '../support/postgres.js';
import { createTestShop, type TestShop } from '../support/test-shop.js';

const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;

let shop: TestShop;
let bench: IncidentHarness;
beforeAll(async () => {
  shop = await createTestShop();
  bench = await IncidentHarness.create(shop.credentials.read);
});
afterAll(async () => {
  await bench.close();
  await shop.drop();
});

const explain = (sql: string) =>
  withClient(bench.test.url, async (client) => {
    await client.query('SET search_path = reinstate; ANALYZE');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });

describe('an incident of ten thousand orders', () => {
  const crowd = 10_000;
  let incidentId: string;

  beforeAll(async () => {
    const entries: JournalEntry[] = [];
    for (let part = 0; part < crowd / 1_000; part += 1)
      entries.push(...(await bench.cancel(orders(`crowd${part}-`, 1_000, job))));
    await bench.find('crowd', entries, { orders: crowd });
    await bench.run();
    incidentId = (await bench.incidentOf('crowd')).id;
  }, 300_000);

  it('has each order as one case, a line over all of them, and one page', async () => {
    const incident = await bench.incidentOf('crowd');
    expect(incident.severity).toBe('critical');
    expect(incident.title).toMatch(/^10,000 paid orders of 10,000 customers \(EUR 499,000\.00\)/);
    const [counted] = await bench.test.database.query(
      `SELECT count(*) AS cases, count(DISTINCT order_id) AS orders FROM incident_case WHERE incident_id = $1`,
      [incidentId],
    );
    expect(counted).toEqual({ cases: crowd, orders: crowd });
    expect(await bench.pages(incidentId)).toHaveLength(1);
  });

  it('is read page by page from an index, each case once', async () => {
    const seen = new Set<string>();
    let after: { createdAt: Date; id: string } | null = null;
    for (;;) {
      const query = { incidentId, states: null, verdicts: null, after, limit: 500 };
      const part: { createdAt: Date; id: string; orderId: string }[] =
        await bench.parts.cases.list(query);
      for (const { orderId } of part) seen.add(orderId);
      const last = part.at(-1);
      if (last === undefined) break;
      after = { createdAt: last.createdAt, id: last.id };
    }
    expect(seen.size).toBe(crowd);
    const plan = await explain(
      `SELECT * FROM incident_case WHERE incident_id = '${incidentId}'
         AND (created_at, id) > ('2026-01-01', '${incidentId}') ORDER BY created_at, id LIMIT 500`,
    );
    expect(plan).toContain('incident_case_listed');
    expect(plan).not.toContain('Sort');
  });

  it('takes one more order in well under a second', async () => {
    const [finding] = await bench.test.database.query<{ id: string }>(
      `SELECT id FROM finding WHERE fingerprint = 'crowd'`,
    );
    await bench.refind(finding!.id, await bench.cancel({ latecomer: job }), { orders: crowd + 1 });
    await bench.runAlerting();
    const startedAt = performance.now();
    await bench.runIncidents();
    // the machine of these tests may be busy: this only tells from something quadratic
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect((await bench.incidentOf('crowd')).title).toMatch(/^10,001 paid orders/);
  });
});

describe('a declaration', () => {
  beforeAll(async () => {
    await shop.run(
      `INSERT INTO shop.orders (id, number, customer_id, status, total_minor, placed_at, cancelled_at)
       SELECT n, 'S-' || n, 'c' || n, 'cancelled', 100, '2026-01-01',
              '${start.toISOString()}'::timestamptz - n * interval '1 second'
       FROM generate_series(1, 100000) n`,
    );
  }, 60_000);

  const declare = (seconds: number) =>
    bench.parts.declarations.declare(bench.caller, {
      ...{ shopId: 'shop', until: start, filter: {}, severity: null, reason: 'a gap' },
      since: new Date(start.getTime() - seconds * 1_000),
    });

  it('over a hundred thousand orders is refused, and opens nothing', async () => {
    const before = (await bench.incidents()).length;
    await expect(declare(200_000)).rejects.toThrow('more than 10000 cancelled orders');
    expect(await bench.incidents()).toHaveLength(before);
  }, 60_000);

  it('over thousands of them opens one incident with all of them for a person', async () => {
    const incidentId = await declare(5_000);
    const cases = await bench.cases(incidentId);
    expect(cases).toHaveLength(5_000);
    expect(new Set(cases.map(({ state, evidence }) => `${state} ${evidence}`))).toEqual(
      new Set(['person none']),
    );
  }, 60_000);
});
