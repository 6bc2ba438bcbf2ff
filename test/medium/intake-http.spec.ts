import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '../../src/orders/order-event.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { ManualClock } from '../../src/platform/clock.js';
import type { HttpCaller } from '../support/http-caller.js';
import { withClient } from '../support/postgres.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import {
  boughtOrder,
  eventsPath,
  lines,
  payment,
  tell,
  toldEvent,
  toldShops,
  type SentEvent,
} from '../support/told-events.js';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
let service: TestService<ManualClock>;
let teller: HttpCaller;
let orders = 0;
let orderId: string;
const shop = 'main';

beforeAll(async () => {
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: toldShops('main', 'other') },
  });
  teller = (await service.newcomer({ name: 'Shop', role: 'ingest', kind: 'service' })).http;
});
afterAll(() => service.stop());
beforeEach(() => {
  orders += 1;
  orderId = `o${orders}`;
});

const at = (second: number): Date => new Date(testStart.getTime() + second * 1_000);
const event = (
  kind: string,
  second: number,
  data: Record<string, unknown> = {},
  attributes: Record<string, unknown> = {},
): SentEvent => toldEvent(kind, { shop, orderId, at: at(second), ...data }, attributes);
const placed = (second: number): SentEvent => event('placed', second, boughtOrder(orderId));

/** The journal's entries of this order, oldest first. */
function journal(id = orderId, shopId = shop): Promise<JournalEntry[]> {
  return new JournalStore().ofOrders(service.database.database, shopId, [id]);
}

describe('an order event', () => {
  it('becomes a journal entry, with the order’s rows and the state before a cancel', async () => {
    const answer = await tell(teller, [
      placed(-30),
      event('paid', -20, { payments: [payment] }),
      event('cancelled', -10, { actor: { kind: 'job', name: 'unpaid-orders' }, reason: 'unpaid' }),
    ]);
    expect(answer).toMatchObject({
      status: 200,
      body: { kept: 3, repeated: 0, rejected: 0, outOfOrder: [], rejections: [], leftOut: 0 },
    });
    const [first, second, third] = await journal();
    expect(first).toMatchObject({
      ...{
        kinds: ['placed'],
        statusBefore: null,
        statusAfter: 'open',
        orderNumber: `N-${orderId}`,
      },
      ...{ customerId: `c-${orderId}`, total: { amountMinor: 4_990, currency: 'EUR' } },
      ...{ attributes: { channel: 'web', payment_method: 'card' }, actorKind: 'unknown' },
      snapshot: { state: 'open', totalMinor: 4_990, lines: [{ product: 'tea', quantity: 3 }] },
      committedAt: '2026-11-22T02:59:30.000000Z',
    });
    expect(first?.rowChanges.map(({ table, operation }) => `${operation} ${table}`)).toEqual([
      ...['insert event.order', 'insert event.line', 'insert event.shipping'],
    ]);
    expect(second).toMatchObject({ kinds: ['paid'], snapshot: null });
    expect(third).toMatchObject({
      ...{ kinds: ['cancelled'], statusBefore: 'open', statusAfter: 'cancelled' },
      ...{ actorKind: 'job', actor: 'unpaid-orders', reason: 'unpaid' },
      snapshot: {
        state: 'open',
        payments: [{ heldMinor: 4_990, refundedMinor: 0 }],
        shipping: [{ method: 'parcel', priceMinor: 490 }],
      },
    });
    const [change] = third?.rowChanges ?? [];
    expect([change?.before?.['status'], change?.after?.['status']]).toEqual(['open', 'cancelled']);
  });

  it('is taken alone, in a batch, as a line, and with its attributes in headers', async () => {
    const { data, ...attributes } = event('changed', -1, { status: 'packing' });
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, String(value)]),
    );
    const answers = [
      await tell(teller, placed(-5)),
      await tell(teller, [event('paid', -4, { payments: [payment] })]),
      await tell(teller, lines([event('shipped', -3), event('restored', -2)])),
      await teller.post(eventsPath, data, { headers }),
    ];
    expect(answers.map(({ status, body }) => [status, body['kept']])).toEqual([
      ...[
        [200, 1],
        [200, 1],
        [200, 2],
        [200, 1],
      ],
    ]);
    const kinds = (await journal()).map((entry) => entry.kinds.join());
    expect(kinds).toEqual(['placed', 'paid', 'shipped', 'restored', 'changed']);
  });

  it('keeps its trace, or that of the request; what is no trace is left out', async () => {
    const other = traceparent.replace('0af7', '1bf7');
    await tell(teller, [
      ...[placed(-5), event('shipped', -4, {}, { traceparent })],
      event('restored', -3, {}, { traceparent: 'no trace' }),
    ]);
    await tell(teller, [event('changed', -2), event('cancelled', -1, {}, { traceparent })], {
      traceparent: other,
    });
    const traces = (await journal()).map((entry) => entry.traceparent);
    expect(traces).toEqual([null, traceparent, null, other, traceparent]);
  });

  it('has its personal values sealed in journal and row images, and forgotten with their key', async () => {
    await tell(teller, placed(-5));
    const stored = await service.database.database.query(
      `SELECT coalesce(string_agg(j::text, ''), '') || coalesce((SELECT string_agg(r::text, '') FROM row_image r), '') AS text
       FROM journal_entry j`,
    );
    expect(stored[0]?.['text']).not.toContain(`${orderId}@example.org`);
    const [entry] = await journal();
    expect(entry?.rowChanges[0]?.after?.['personal.email']).toMatchObject({
      keyOf: `customer:c-${orderId}`,
    });
    const erased = await service.admin.call(
      'DELETE',
      `/api/v1/shops/${shop}/customers/c-${orderId}/personal-data?reason=asked`,
    );
    expect(erased.status).toBe(200);
    // told again, nobody can tell what was said; the rest is the same
    expect(await tell(teller, placed(-5))).toMatchObject({ status: 200, body: { repeated: 1 } });
    await tell(teller, event('changed', -1, { personal: { email: 'new@example.org' } }));
    const last = (await journal()).at(-1);
    expect(last?.rowChanges[0]?.after?.['personal.email']).toMatchObject({ sealed: '' });
  });

  it('needs the role ingest', async () => {
    const viewer = await service.newcomer({ name: 'Vic', role: 'viewer' });
    expect(await tell(viewer.http, placed(-5))).toMatchObject({
      status: 403,
      body: { code: 'role-too-low' },
    });
    expect(await journal()).toEqual([]);
  });
});

describe('the same source and id', () => {
  it('counts once, across requests and within one', async () => {
    const twice = placed(-5);
    expect((await tell(teller, twice)).body).toMatchObject({ kept: 1, repeated: 0 });
    expect(await tell(teller, twice)).toMatchObject({
      status: 200,
      body: { kept: 0, repeated: 1, rejected: 0 },
    });
    const paid = event('paid', -4, { payments: [payment] });
    expect((await tell(teller, lines([paid, twice, paid]))).body).toMatchObject({
      ...{ kept: 1, repeated: 2 },
    });
    expect(await journal()).toHaveLength(2);
  });

  it('counts once where many requests bring it at the same time', async () => {
    const events = [placed(-5), event('paid', -4, { payments: [payment] })];
    const answers = await Promise.all(Array.from({ length: 6 }, () => tell(teller, events)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const kept = answers.map(({ body }) => Number(body['kept']));
    expect(kept.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(await journal()).toHaveLength(2);
  });

  it('with another content is rejected: of what it says, personally, or in which shop', async () => {
    await tell(teller, placed(-5));
    const same = placed(-5);
    const others = [
      { ...same, data: { ...same.data, totalMinor: 1 } },
      { ...same, data: { ...same.data, personal: { email: 'other@example.org' } } },
      { ...same, data: { ...same.data, shop: 'other' } },
    ];
    const answer = await tell(teller, [...others, same]);
    expect(answer).toMatchObject({ status: 207, body: { kept: 0, repeated: 1, rejected: 3 } });
    expect(answer.body['rejections']).toMatchObject(
      others.map((_other, index) => ({
        ...{ index, code: 'key-reused', source: same.source, id: same.id },
        fields: [{ field: 'id' }],
      })),
    );
    const within = event('changed', -3, { status: 'one' });
    const reused = { ...within, data: { ...within.data, status: 'two' } };
    expect((await tell(teller, [within, reused])).body).toMatchObject({ kept: 1, rejected: 1 });
    expect(await journal(orderId, 'other')).toEqual([]);
  });

  it('is free again where nothing could be written down', async () => {
    const refusing = (how: string) =>
      withClient(service.database.settings.url, (client) =>
        client.query(`ALTER TABLE reinstate.row_image ${how}`),
      );
    // row images are written last, after keys and journal entries
    await refusing(`ADD CONSTRAINT refused CHECK (order_id <> '${orderId}') NOT VALID`);
    const refused = await tell(teller, placed(-5)).finally(() =>
      refusing('DROP CONSTRAINT refused'),
    );
    expect(refused.status).toBe(500);
    expect(await journal()).toEqual([]);
    expect(await tell(teller, placed(-5))).toMatchObject({ status: 200, body: { kept: 1 } });
  });

  it('of a guest who became a customer is still the same event', async () => {
    const guest = { ...boughtOrder(orderId), customerId: undefined };
    const first = event('placed', -5, guest);
    await tell(teller, first);
    await tell(teller, event('changed', -4, { customerId: 'late' }));
    expect((await tell(teller, first)).body).toMatchObject({ repeated: 1, rejected: 0 });
  });
});

describe('what is wrong', () => {
  it('comes back with place, field and reason, while the good events are kept', async () => {
    const answer = await tell(teller, [
      placed(-5),
      { ...event('paid', -4, { payments: [{ paymentId: 'p', amountMinor: 1.5 }] }) },
      { ...event('paid', -3), id: 'nothing paid' },
      event('vanished', -2),
      { ...event('changed', -2), specversion: '0.3' },
      'no event',
      event('changed', -2, { shop: 'nowhere' }),
      event('changed', -2, { reason: 'a \0 in it' }),
      { ...event('changed', -2), subject: 'another order' },
      event('changed', -1, { status: 'packing' }),
    ]);
    expect(answer).toMatchObject({ status: 207, body: { kept: 2, repeated: 0, rejected: 8 } });
    expect(answer.body['rejections']).toMatchObject([
      ...[{ index: 1, code: 'event-invalid', fields: [{ field: 'data.payments[0].amountMinor' }] }],
      ...[{ index: 2, code: 'event-invalid', id: 'nothing paid' }],
      ...[{ index: 3, code: 'event-invalid', fields: [{ field: 'type' }] }],
      ...[{ index: 4, code: 'event-invalid', fields: [{ field: 'specversion' }] }],
      ...[{ index: 5, code: 'malformed', source: null, id: null }],
      ...[{ index: 6, code: 'shop-unknown', fields: [{ field: 'data.shop' }] }],
      ...[{ index: 7, code: 'malformed' }],
      ...[{ index: 8, code: 'event-invalid', fields: [{ field: 'subject' }] }],
    ]);
    expect((await journal()).map(({ kinds }) => kinds.join())).toEqual(['placed', 'changed']);
  });

  it('is answered with 422 where nothing was taken, and nothing is kept', async () => {
    const answer = await tell(teller, event('placed', -5));
    expect(answer).toMatchObject({ status: 422, body: { kept: 0, rejected: 1 } });
    expect(answer.body['rejections']).toMatchObject([
      { fields: [{ field: 'data.currency' }, { field: 'data.totalMinor' }] },
    ]);
    // a rejected event used up no key
    expect(await tell(teller, placed(-5))).toMatchObject({ status: 200, body: { kept: 1 } });
  });

  it('a line that is no JSON is malformed, and stops no other', async () => {
    const [first, last] = [JSON.stringify(placed(-5)), JSON.stringify(event('shipped', -4))];
    const answer = await tell(teller, `${first}\n{"id": \n\n \r\n${last}`);
    expect(answer).toMatchObject({
      status: 207,
      body: { kept: 2, rejections: [{ index: 1, code: 'malformed' }] },
    });
  });

  it('an event is too large alone, in a batch and as a line; the others are kept', async () => {
    const large = event('changed', -4, { note: 'x'.repeat(70_000) });
    const rejections = [{ index: 0, code: 'event-too-large' }];
    expect(await tell(teller, large)).toMatchObject({ status: 422, body: { rejections } });
    expect(await tell(teller, [large, placed(-5)])).toMatchObject({
      status: 207,
      body: { kept: 1, rejections },
    });
    expect(await tell(teller, lines([large, event('shipped', -3)]))).toMatchObject({
      status: 207,
      body: { kept: 1, rejections },
    });
  });

  it('an event that is nested without an end is rejected, and the next one is kept', async () => {
    const depth = 20_000;
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const body = `[{"id":"deep","data":${deep}},${JSON.stringify(placed(-5))}]`;
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    expect(await teller.post(eventsPath, body, { headers })).toMatchObject({
      status: 207,
      body: { kept: 1, rejected: 1, rejections: [{ index: 0 }] },
    });
  });

  it('a request that is too large is refused whole', async () => {
    const batch = Array.from({ length: 90 }, (_, index) =>
      event('changed', -1, { reason: 'r' }, { id: `${orderId}-${index}`, pad: 'x'.repeat(50_000) }),
    );
    const answer = await tell(teller, batch);
    expect(answer).toMatchObject({ status: 413, body: { code: 'body-too-large' } });
    expect(await journal()).toEqual([]);
    // as lines the same is taken: they are worked on as they come
    expect(await tell(teller, lines(batch))).toMatchObject({ status: 200, body: { kept: 90 } });
  });

  it('a body that is no JSON, no list, or of another kind is refused whole', async () => {
    const post = (body: string, type: string) =>
      teller.post(eventsPath, body, { headers: { 'content-type': type } });
    const batch = 'application/cloudevents-batch+json';
    expect(await post('[{', batch)).toMatchObject({
      status: 400,
      body: { code: 'body-malformed' },
    });
    expect(await post('{}', batch)).toMatchObject({
      status: 400,
      body: { code: 'body-malformed' },
    });
    expect((await post('<order/>', 'application/xml')).status).toBe(415);
    expect(await post('{"orderId":"1"}', 'application/json')).toMatchObject({
      status: 400,
      body: { code: 'media-type-unknown' },
    });
    const elsewhere = await service.admin.post('/api/v1/changes', '{}', {
      headers: { 'content-type': 'application/x-ndjson' },
    });
    expect(elsewhere.status).toBe(415);
  });

  it('an event of the future is rejected; one that is a little ahead is a matter of clocks', async () => {
    const answer = await tell(teller, [placed(299), event('shipped', 301)]);
    expect(answer).toMatchObject({
      status: 207,
      body: {
        kept: 1,
        rejections: [{ index: 1, code: 'future-dated', fields: [{ field: 'time' }] }],
      },
    });
    const old = await tell(teller, event('changed', -367 * 86_400));
    expect(old.body['rejections']).toMatchObject([{ code: 'too-old' }]);
  });
});
