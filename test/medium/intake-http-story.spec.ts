import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../src/platform/clock.js';
import type { Answer, HttpCaller } from '../support/http-caller.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import { boughtOrder, lines, payment, tell, toldEvent, toldShops } from '../support/told-events.js';

const shop = 'corner-shop';
const at = (second: number): Date => new Date(testStart.getTime() + second * 1_000);
let service: TestService<ManualClock>;
let teller: HttpCaller;
let robin: HttpCaller;

beforeAll(async () => {
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: toldShops(shop) },
  });
  teller = (await service.newcomer({ name: 'Shop', role: 'ingest', kind: 'service' })).http;
  robin = (await service.newcomer({ name: 'Robin', role: 'responder' })).http;
});
afterAll(() => service.stop());

async function done(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body, text } = await answer;
  if (status >= 300) throw new Error(`${status}: ${text}`);
  return body;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const itemsOf = (body: Record<string, unknown>) => body['items'] as Record<string, unknown>[];
const orderId = (number: number): string => `o${number}`;
const placed = (number: number, second: number) =>
  toldEvent('placed', {
    ...{ shop, orderId: orderId(number), at: at(second), payments: [payment] },
    ...boughtOrder(orderId(number)),
  });

/** Orders of four weeks, one every twenty minutes; the newest bear the highest numbers. */
const past = 2_000;
const secondOf = (number: number): number => (number - past) * 1_200 - 60;
const hit = Array.from({ length: 14 }, (_, index) => past - index);

describe('a shop without PostgreSQL', () => {
  it('says that it is told by HTTP, and has nothing to attach or to arm', async () => {
    expect(await done(robin.get(`/api/v1/shops/${shop}/status`))).toMatchObject({
      ...{ shopId: shop, state: 'http', secondsSinceMessage: null, slotName: null },
    });
    expect(await service.admin.post(`/api/v1/shops/${shop}/attach`, {})).toMatchObject({
      status: 409,
      body: { code: 'shop-told-by-http' },
    });
    expect(await service.admin.post(`/api/v1/shops/${shop}/arm`, {})).toMatchObject({
      status: 409,
      body: { code: 'no-write-credential' },
    });
    expect(await done(robin.post(`/api/v1/shops/${shop}/check`, {}))).toMatchObject({
      ok: true,
      faults: [{ severity: 'warning', where: 'postgres' }],
    });
  });

  it('is watched, gets an incident with a case per order, and a plan that leaves each to a person', async () => {
    const history = Array.from({ length: past }, (_, index) =>
      placed(index + 1, secondOf(index + 1)),
    );
    expect(await done(tell(teller, lines(history)))).toMatchObject({ kept: past, rejected: 0 });
    const actor = { kind: 'job', name: 'unpaid-orders' };
    for (const [index, number] of hit.entries()) {
      const about = { shop, orderId: orderId(number), at: at(index - 20) };
      const event = toldEvent('cancelled', { ...about, actor, reason: 'unpaid' });
      expect(await done(tell(teller, event))).toMatchObject({ kept: 1 });
    }
    const incident = await until('an incident with a case per order', async () => {
      const [found] = itemsOf(await done(robin.get(`/api/v1/incidents?shop=${shop}`)));
      const cases = found?.['cases'] as { total?: number } | undefined;
      if (cases?.total !== hit.length) return undefined;
      return found;
    });
    const id = String(incident['id']);
    const cases = itemsOf(await done(robin.get(`/api/v1/incidents/${id}/cases?limit=100`)));
    expect(cases.map((one) => one['orderNumber']).sort()).toEqual(
      hit.map((number) => `N-${orderId(number)}`).sort(),
    );
    expect(new Set(cases.map((one) => one['verdict']))).toEqual(new Set(['wrongful']));

    service.clock.advance(60_000);
    const plan = await done(robin.post(`/api/v1/incidents/${id}/restore-plans`, {}));
    expect(plan).toMatchObject({ reopen: 0, person: hit.length });
    const items = itemsOf(
      await done(robin.get(`/api/v1/restore-plans/${String(plan['id'])}/items?limit=100`)),
    );
    expect(items).toHaveLength(hit.length);
    for (const item of items)
      expect(item).toMatchObject({
        ...{ disposition: 'person', reason: 'no-adapter' },
        detail: expect.stringContaining('reopen it in the shop'),
      });
    const left = itemsOf(await done(robin.get(`/api/v1/incidents/${id}/cases?limit=100`)));
    expect(new Set(left.map((one) => one['state']))).toEqual(new Set(['person']));
    // silence means something, since what is told is journalled before it is answered
    service.clock.advance(3_600_000);
    expect(await done(robin.get(`/api/v1/incidents/${id}/bleeding`))).toMatchObject({
      bleeding: false,
    });
  });

  it('shows each order as it was last told, by its number and as of a time', async () => {
    const order = `/api/v1/shops/${shop}/orders/N-${orderId(past)}`;
    expect(await done(robin.get(order))).toMatchObject({
      order: { orderId: orderId(past), state: 'cancelled', payments: [{ heldMinor: 4_990 }] },
      capability: { way: 'person', reason: 'no-adapter' },
    });
    const before = await done(robin.get(`${order}?at=${at(-30).toISOString()}`));
    expect(before).toMatchObject({ order: { state: 'open' }, asOf: { standing: 'known' } });
    expect(await done(robin.get(`/api/v1/shops/${shop}/status`))).toMatchObject({
      secondsSinceMessage: 3_660,
    });
  });

  it('has incidents declared by hand about what it told', async () => {
    const declared = await done(
      robin.post('/api/v1/incidents', {
        ...{ shop, since: at(-30).toISOString(), until: at(-10).toISOString() },
        reason: 'a call from the shop',
      }),
    );
    const id = String(declared['id']);
    const cases = await until('its cases', async () => {
      const found = itemsOf(await done(robin.get(`/api/v1/incidents/${id}/cases?limit=100`)));
      return found.length < 10 ? undefined : found;
    });
    expect(cases.map((one) => one['orderId'])).toEqual(hit.slice(0, 10).map(orderId));
  });
});
