import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { GivenDeclaration } from '../../src/incidents/declaration.service.js';
import { historyRow, IncidentHarness, orders, start } from '../support/incident-harness.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;
const at = (second: number) => new Date(start.getTime() + second * 1000);

let shop: TestShop;
let bench: IncidentHarness;
beforeAll(async () => {
  shop = await createTestShop();
  await shop.run(
    `INSERT INTO shop.stock VALUES ('tea', 100)`,
    ...[901, 902, 903].flatMap((id) => [placeOrder({ id }), cancelOrder(id)]),
    `UPDATE shop.orders SET cancelled_at = '${at(-600).toISOString()}'`,
    `UPDATE shop.orders SET channel = 'app' WHERE id = 903`,
  );
  bench = await IncidentHarness.create(shop.credentials.read);
});
afterAll(async () => {
  await bench.close();
  await shop.drop();
});

async function declare(given: Partial<GivenDeclaration>): Promise<string> {
  const id = await bench.parts.declarations.declare(bench.caller, {
    ...{ shopId: 'shop', since: at(-3_600), until: null, filter: {}, severity: null },
    reason: 'customers call about cancelled orders',
    ...given,
  });
  await bench.runIncidents();
  return id;
}

const orderIds = async (incidentId: string) =>
  (await bench.cases(incidentId)).map(({ orderId }) => orderId).sort();

describe('an incident declared by hand', () => {
  it('has orders of the journal as cases to judge, and those hit before it for a person', async () => {
    await bench.cancel({ 901: { ...job, second: -500 }, ...orders('d', 3, job) });
    bench.clock.set(at(60));
    const id = await declare({ until: at(30) });
    const cases = await bench.cases(id);
    const seen = Object.fromEntries(
      cases.map(({ orderId, state, verdict, evidence }) => [
        orderId,
        `${state} ${verdict} ${evidence}`,
      ]),
    );
    expect(seen).toEqual({
      902: 'person unsure none',
      903: 'person unsure none',
      901: 'open wrongful journal',
      d1: 'open wrongful journal',
      d2: 'open wrongful journal',
      d3: 'open wrongful journal',
    });
    expect(cases.find(({ orderId }) => orderId === '902')).toMatchObject({
      orderNumber: 'S-902',
      cancelledAt: at(-600),
      heldMinor: 1_000,
      currency: 'EUR',
      reasons: [{ sign: 'evidence-missing' }],
    });
    const incident = await bench.parts.incidents.get(id);
    expect(incident).toMatchObject({
      status: 'open',
      declaredBy: bench.caller.personId,
      alertId: null,
      severity: 'high',
    });
    expect(incident.title).toMatch(
      /^6 paid orders .* mostly \(4\) by the job .*; declared by hand$/,
    );
    const story = await bench.timeline(id);
    expect(story[0]).toMatchObject({
      type: 'incident-declared',
      person: 'anna',
      data: { reason: 'customers call about cancelled orders', until: at(30).toISOString() },
    });
    expect(story.filter(({ type }) => type === 'case-added')).toHaveLength(6);
    expect((await bench.pages(id)).map(({ kind }) => kind)).toEqual([
      'incident-opened',
      'incident-escalated',
    ]);
  });

  it('judges an order that the shop listed before the journal had come so far', async () => {
    bench.clock.set(at(60));
    const id = await declare({ until: at(-550), since: at(-650) });
    const caseOf = async (orderId: string) =>
      (await bench.cases(id)).find((one) => one.orderId === orderId);
    expect(await caseOf('902')).toMatchObject({ state: 'person', evidence: 'none' });
    await bench.cancel({ 902: { ...job, second: -600 } });
    await bench.runIncidents();
    expect(await caseOf('902')).toMatchObject({
      ...{ state: 'open', verdict: 'wrongful', evidence: 'journal', actor: job.actor },
    });
    expect(await caseOf('903')).toMatchObject({ state: 'person', evidence: 'none' });
    const told = (await bench.timeline(id)).slice(-3).map(({ type }) => type);
    expect(told).toEqual(expect.arrayContaining(['case-state-changed', 'verdict-changed']));
  });

  it('takes only what its filter fits, also by attributes of orders before the journal', async () => {
    await bench.cancel({
      app: { ...job, second: 10, attributes: { channel: 'app' } },
      other: { ...job, actor: 'other job', second: 10, attributes: { channel: 'app' } },
    });
    const byChannel = await declare({ filter: { attributes: { channel: 'app' } }, until: at(60) });
    expect(await orderIds(byChannel)).toEqual(['903', 'app', 'other']);
    const byActor = await declare({
      filter: { attributes: { channel: 'app' }, actor: 'other job' },
      since: at(0),
      until: at(60),
    });
    expect(await orderIds(byActor)).toEqual(['other']);
  });

  it('without an end goes on until it is resolved', async () => {
    const id = await declare({ since: at(50) });
    expect(await orderIds(id)).toEqual([]);
    await bench.cancel({ goes: { ...job, second: 61 }, on: { ...job, second: 62 } });
    await bench.runIncidents();
    expect(await orderIds(id)).toEqual(['goes', 'on']);
    await bench.parts.incidents.resolve(bench.caller, id, { reason: 'done', override: null });
    await bench.cancel({ later: { ...job, second: 63 } });
    await bench.runIncidents();
    expect(await orderIds(id)).toEqual(['goes', 'on']);
  });

  it('waits with an order whose actor the shop may still name', async () => {
    bench.clock.set(at(101));
    const id = await declare({ since: at(90), filter: { actorKind: 'job' } });
    await bench.cancel({ slow: { second: 100 }, silent: { second: 100 } });
    await bench.runIncidents();
    expect(await orderIds(id)).toEqual([]);
    await bench.journal([
      {
        ...{ orderId: 'slow', kinds: ['changed'], ...job, rowChanges: [historyRow('slow')] },
        ...{ statusBefore: null, statusAfter: null },
      },
    ]);
    bench.clock.set(at(110));
    await bench.runIncidents();
    expect(await orderIds(id)).toEqual(['slow']);
  });

  it('is refused for a period that makes no sense, and for an unknown shop', async () => {
    await expect(declare({ since: at(10_000) })).rejects.toThrow('begin in the past');
    await expect(declare({ since: at(0), until: at(0) })).rejects.toThrow('end after it begins');
    await expect(declare({ shopId: 'nowhere' })).rejects.toThrow('no shop nowhere is configured');
  });

  it('is refused where the shop cannot be asked, and opens nothing', async () => {
    const away = await IncidentHarness.create();
    const given = {
      ...{ shopId: 'shop', since: at(-60), until: null, filter: {}, severity: null, reason: 'x' },
    };
    await expect(away.parts.declarations.declare(away.caller, given)).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect(await away.incidents()).toEqual([]);
    await away.close();
  });
});
