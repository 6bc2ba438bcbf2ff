import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JournalStore } from '../../src/journal/journal.store.js';
import { requestsMax } from '../../src/intake/http/intake-gate.js';
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
} from '../support/told-events.js';

const shop = 'main';
let service: TestService<ManualClock>;
let teller: HttpCaller;

beforeAll(async () => {
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: toldShops(shop, 'idle') },
  });
  teller = (await service.newcomer({ name: 'Shop', role: 'ingest', kind: 'service' })).http;
});
afterAll(() => service.stop());

const at = (second: number): Date => new Date(testStart.getTime() + second * 1_000);
const event = (kind: string, orderId: string, second: number, data: object = {}) =>
  toldEvent(kind, { shop, orderId, at: at(second), ...data });
const journal = (orderId: string) =>
  new JournalStore().ofOrders(service.database.database, shop, [orderId]);

/** Holds the shop's lock, so that every request of it has to wait, until the work is done. */
function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  return withClient(service.database.settings.url, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT FROM reinstate.order_event_stream WHERE shop_id = $1 FOR UPDATE', [
      shop,
    ]);
    try {
      return await work();
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

/** A stream of lines whose first one is sent, and whose end is when the test says so. */
function openStream(first: string): { end: () => void; answer: Promise<Response> } {
  const { writable, readable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const answer = fetch(`${service.url}${eventsPath}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${teller.token ?? ''}`,
      'content-type': 'application/x-ndjson',
    },
    body: readable,
    duplex: 'half',
  } as RequestInit);
  void writer.write(Buffer.from(first));
  return { end: () => void writer.close(), answer };
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('order events out of order', () => {
  it('are kept, say so, and set nothing back that was told since', async () => {
    expect((await tell(teller, event('cancelled', 'late', -10))).body).toMatchObject({ kept: 1 });
    const answer = await tell(teller, [
      event('paid', 'late', -20, { payments: [payment] }),
      event('placed', 'late', -30, boughtOrder('late')),
      event('changed', 'late', -5, { status: 'closed' }),
    ]);
    expect(answer).toMatchObject({ status: 200, body: { kept: 3, outOfOrder: [0, 1] } });
    const entries = await journal('late');
    expect(entries.map(({ kinds, statusAfter }) => [kinds.join(), statusAfter])).toEqual([
      ...[
        ['cancelled', 'cancelled'],
        ['changed', 'cancelled'],
      ],
      ...[
        ['placed', 'cancelled'],
        ['changed', 'cancelled'],
      ],
    ]);
    const viewer = await service.newcomer({ name: 'Vic', role: 'viewer' });
    const { body } = await viewer.http.get(`/api/v1/shops/${shop}/orders/N-late`);
    expect(body['order']).toMatchObject({
      ...{ state: 'cancelled', totalMinor: 4_990, placedAt: '2026-11-22T02:59:30.000000Z' },
      payments: [{ heldMinor: 4_990 }],
    });
  });
});

describe('more than can be worked on', () => {
  it('is told to come again, and what is being worked on is done', async () => {
    const reader = await service.newcomer({ name: 'Gauge', role: 'metrics' });
    const open = Array.from({ length: requestsMax }, (_, index) =>
      openStream(lines([event('placed', `w${index}`, -50, boughtOrder(`w${index}`))])),
    );
    await until('all of them to be worked on', async () => {
      const { text } = await reader.http.get('/metrics');
      return text.includes(`reinstate_order_event_requests_in_flight ${requestsMax}\n`);
    });
    const refused = await tell(teller, event('placed', 'over', -40, boughtOrder('over')));
    for (const stream of open) stream.end();
    const answers = await Promise.all(open.map(({ answer }) => answer));
    expect(refused).toMatchObject({ status: 429, body: { code: 'intake-busy' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await Promise.all(answers.map((answer) => answer.json()))).toMatchObject(
      answers.map(() => ({ kept: 1, rejected: 0 })),
    );
    expect(await journal('over')).toEqual([]);
    const again = await tell(teller, event('placed', 'over', -40, boughtOrder('over')));
    expect(again).toMatchObject({ status: 200, body: { kept: 1 } });
  });

  it('is told to come again where the journal cannot be written; told anew, each event counts once', async () => {
    await tell(teller, event('placed', 'first', -60, boughtOrder('first')));
    const told = lines(
      Array.from({ length: 3 }, (_, index) =>
        event('placed', `j${index}`, -30, boughtOrder(`j${index}`)),
      ),
    );
    const refused = await whileLocked(() => tell(teller, told));
    expect(refused).toMatchObject({ status: 503, body: { code: 'journal-unavailable' } });
    expect(refused.headers.get('retry-after')).toBe('5');
    expect((await tell(teller, told)).body).toMatchObject({ kept: 3 });
    expect((await tell(teller, told)).body).toMatchObject({ kept: 0, repeated: 3 });
  });

  it('one shop that waits holds up no other, and a stream is kept batch by batch', async () => {
    const many = Array.from({ length: 1_200 }, (_, index) => ({
      ...event('placed', `m${index}`, -20, boughtOrder(`m${index}`)),
    }));
    const elsewhere = many.slice(0, 10).map((one) => ({
      ...one,
      ...{ source: '/shops/idle', data: { ...one.data, shop: 'idle' } },
    }));
    const idle = await whileLocked(() => tell(teller, elsewhere));
    expect(idle).toMatchObject({ status: 200, body: { kept: 10 } });
    const broken = [...many.slice(0, 700), { no: 'event' }, ...many.slice(700)];
    const answer = await tell(teller, lines(broken));
    expect(answer).toMatchObject({
      status: 207,
      body: { kept: 1_200, rejected: 1, rejections: [{ index: 700, code: 'event-invalid' }] },
    });
    const [{ holes } = { holes: null }] = await service.database.database.query<{ holes: number }>(
      `SELECT max(position) - count(*) AS holes FROM journal_entry WHERE shop_id = $1`,
      [shop],
    );
    expect(Number(holes)).toBe(0);
  });

  it('lists a bounded part of what was rejected, and says how much it left out', async () => {
    const answer = await tell(teller, 'no event\n'.repeat(1_500));
    expect(answer).toMatchObject({ status: 422, body: { rejected: 1_500, leftOut: 500 } });
    expect(answer.body['rejections']).toHaveLength(1_000);
  });

  it('is counted by what became of it', async () => {
    const reader = await service.newcomer({ name: 'Prometheus', role: 'metrics' });
    const { text } = await reader.http.get('/metrics');
    expect(text).toMatch(/reinstate_order_events_total\{outcome="malformed"\} 1500/);
    expect(text).toMatch(/reinstate_order_events_total\{outcome="repeated"\} 3/);
    expect(text).toMatch(/reinstate_order_events_total\{outcome="too-old"\} 0/);
    expect(text).toMatch(/reinstate_order_event_requests_in_flight 0/);
  });
});
