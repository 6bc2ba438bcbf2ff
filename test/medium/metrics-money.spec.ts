import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { IncidentHarness, orders, shopId } from '../support/incident-harness.js';

let bench: IncidentHarness;

beforeAll(async () => {
  bench = await IncidentHarness.create();
});
afterAll(() => bench.close());

/** What the metrics tell, by currency. */
async function told(): Promise<{ atRisk: object; recovered: object }> {
  const text = await bench.registry.metrics();
  const of = (metric: string) => {
    const lines = text.matchAll(
      new RegExp(`^${metric}\\{shop="(\\w+)",currency="(\\w*)"\\} (.+)$`, 'gm'),
    );
    return Object.fromEntries(
      [...lines].map(([, shop, currency = '', value]) => {
        expect(shop).toBe(shopId);
        return [currency, Number(value)];
      }),
    );
  };
  return { atRisk: of('reinstate_money_at_risk'), recovered: of('reinstate_money_recovered') };
}

const change = (assignments: string, orderId: string) =>
  bench.test.database.query(`UPDATE incident_case SET ${assignments} WHERE order_id = $1`, [
    orderId,
  ]);

it('is 0, of no currency, before any incident', async () => {
  expect(await told()).toEqual({ atRisk: { '': 0 }, recovered: { '': 0 } });
});

it('is at risk while an order is neither restored nor meant to be cancelled, each order once', async () => {
  const byJob = { actorKind: 'job', actor: 'unpaid-orders', reason: null } as const;
  await bench.find('night', await bench.cancel(orders('N', 4, byJob)));
  await bench.run();
  const incident = await bench.incidentOf('night');
  expect(await told()).toEqual({ atRisk: { EUR: 4 * 49.9 }, recovered: { EUR: 0 } });

  const [meant, closed] = await bench.cases(incident.id);
  await bench.parts.cases.decideVerdict(bench.caller, {
    ...{ incidentId: incident.id, caseId: meant!.id, verdict: 'intended' },
    reason: 'the customer called',
  });
  await change(`state = 'closed'`, closed!.orderId);
  expect((await told()).atRisk).toEqual({ EUR: 2 * 49.9 });

  // another incident about the same orders
  await bench.test.database.query(
    `WITH again AS (
       INSERT INTO incident OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(), 'number', 99, 'fingerprint', 'another'))).*
       FROM incident i RETURNING id)
     INSERT INTO incident_case SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'incident_id', again.id))).*
     FROM incident_case c, again`,
  );
  expect((await told()).atRisk).toEqual({ EUR: 2 * 49.9 });
  // nobody may delete them
  await bench.test.database.query(
    `UPDATE incident_case c SET state = 'closed' FROM incident i WHERE i.id = c.incident_id AND i.number = 99`,
  );
});

it('is told in units of its currency, each for itself; what is no currency is left out', async () => {
  await bench.find('day', await bench.cancel(orders('D', 4, { actorKind: 'job', reason: null })));
  await bench.run();
  await change(`currency = 'JPY', held_minor = 500`, 'D1');
  await change(`currency = 'KWD', held_minor = 1500`, 'D2');
  await change(`currency = 'points'`, 'D3');
  await change(`held_minor = NULL`, 'D4');
  expect((await told()).atRisk).toEqual({ EUR: 2 * 49.9, JPY: 500, KWD: 1.5 });
});

it('is recovered once an order is restored, also after its incident is resolved, and no more once that is undone', async () => {
  await change(`state = 'restored'`, 'D1');
  expect(await told()).toEqual({
    atRisk: { EUR: 2 * 49.9, JPY: 0, KWD: 1.5 },
    recovered: { EUR: 0, JPY: 500, KWD: 0 },
  });
  await bench.test.database.query(
    `UPDATE incident SET status = 'resolved', resolved_at = opened_at`,
  );
  expect(await told()).toEqual({ atRisk: { JPY: 0 }, recovered: { JPY: 500 } });
  await bench.test.database.query(`UPDATE incident SET status = 'open', resolved_at = NULL`);
  await change(`state = 'open'`, 'D1');
  expect(await told()).toEqual({
    atRisk: { EUR: 2 * 49.9, JPY: 500, KWD: 1.5 },
    recovered: { EUR: 0, JPY: 0, KWD: 0 },
  });
});
