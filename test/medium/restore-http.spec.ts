import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import {
  createApplicationCredential,
  createReinstateCredentials,
  createShopDatabase,
} from '../../demo/shop/database.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import { eventsOf, type StreamEvent } from '../../src/cli/event-stream.js';
import { configSchema } from '../../src/config/config.schema.js';
import type { Answer, HttpCaller } from '../support/http-caller.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';
import { AheadClock } from '../support/ahead-clock.js';
import { placePaidOrder, seedShop } from '../support/shop-orders.js';

const suffix = randomBytes(5).toString('hex');
const shopId = `web-${suffix}`;
let service: TestService<AheadClock>;
let shopUrl: string;
let shop: pg.Pool;
let robin: HttpCaller;
let alex: HttpCaller;
let kim: HttpCaller;
let viewer: HttpCaller;

beforeAll(async () => {
  const database = await createShopDatabase(testServerUrl('postgres'), `shop_${suffix}`);
  shopUrl = database.url;
  const credentials = await createReinstateCredentials(database);
  shop = new pg.Pool({ connectionString: await createApplicationCredential(database), max: 2 });
  await withClient(shopUrl, seedShop);
  const { attach, ...postgres } = credentials;
  const { shops } = configSchema.parse({
    shops: [{ id: shopId, name: 'Web shop', profile: 'sample-shop', postgres }],
  });
  service = await startTestService({ clock: new AheadClock(), settings: { shops } });
  robin = (await service.newcomer({ name: 'Robin', role: 'responder' })).http;
  alex = (await service.newcomer({ name: 'Alex', role: 'approver' })).http;
  kim = (await service.newcomer({ name: 'Kim', role: 'approver' })).http;
  viewer = (await service.newcomer({ name: 'Vic', role: 'viewer' })).http;
  await done(service.admin.post(`/api/v1/shops/${shopId}/attach`, { credential: attach }));
  await until('the shop to be followed', async () => {
    const { state } = await done(viewer.get(`/api/v1/shops/${shopId}/status`));
    return state === 'streaming' ? true : undefined;
  });
  await done(service.admin.post(`/api/v1/shops/${shopId}/arm`, {}));
});

afterAll(async () => {
  await shop.end();
  await service.stop();
  await withClient(shopUrl, (client) =>
    client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    ),
  );
  await withClient(testServerUrl('postgres'), (client) =>
    client.query(`DROP DATABASE shop_${suffix} WITH (FORCE)`),
  );
});

async function done(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body, text } = await answer;
  if (status >= 300) throw new Error(`${status}: ${text}`);
  return body;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Orders that a job cancelled, and the incident about them. */
async function harm(count: number, job: string): Promise<{ orders: string[]; incident: string }> {
  const orders: string[] = [];
  for (let made = 0; made < count; made += 1)
    orders.push(
      await inTransaction(shop, (tx) => placePaidOrder(tx, [{ productId: 2, quantity: 1 }])),
    );
  for (const orderId of orders)
    await inTransaction(shop, (tx) =>
      cancelOrder(tx, { orderId, actor: { kind: 'job', name: job }, reason: 'unpaid' }),
    );
  const declared = await done(
    robin.post('/api/v1/incidents', {
      shop: shopId,
      since: new Date(Date.now() - 600_000).toISOString(),
      filter: { actor: job },
      reason: 'customers call',
    }),
  );
  const incident = String(declared['id']);
  await until('cases', async () => {
    const { cases } = (await done(robin.get(`/api/v1/incidents/${incident}`))) as {
      cases: { byVerdict: Record<string, number> };
    };
    return cases.byVerdict['wrongful'] === count ? true : undefined;
  });
  // a plan asks that the cancellations have settled
  service.clock.advance(10_000);
  return { orders, incident };
}

async function readEvents(run: string, lastEventId?: string): Promise<StreamEvent[]> {
  const response = await viewer.stream(`/api/v1/restore-runs/${run}/events`, {
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const events: StreamEvent[] = [];
  for await (const event of eventsOf(response.body!.pipeThrough(new TextDecoderStream())))
    events.push(event);
  return events;
}

describe('the restore over HTTP', () => {
  it('goes from the plan to the verified run, with progress told as it happens', async () => {
    const { orders, incident } = await harm(3, 'job-a');
    const path = `/api/v1/incidents/${incident}`;
    expect((await viewer.post(`${path}/restore-plans`, {})).status).toBe(403);
    const plan = await done(robin.post(`${path}/restore-plans`, undefined));
    expect(plan).toMatchObject({ number: 1, state: 'proposed', reopen: 3, person: 0, runId: null });
    const planPath = `/api/v1/restore-plans/${String(plan['id'])}`;

    const items = await done(viewer.get(`${planPath}/items?limit=2`));
    expect(items['items']).toHaveLength(2);
    const rest = await done(viewer.get(`${planPath}/items?cursor=${String(items['nextCursor'])}`));
    expect(rest).toMatchObject({
      items: [{ orderId: orders[2], disposition: 'reopen' }],
      nextCursor: null,
    });

    const vote = { decision: 'approved', planHash: plan['hash'] };
    expect((await robin.post(`${planPath}/approvals`, vote)).status).toBe(403);
    expect((await alex.get(`${planPath}.sql`)).body).toMatchObject({
      status: 409,
      code: 'plan-not-approved',
    });
    const early = await robin.post(`${planPath}/runs`, undefined);
    expect(early.status).toBe(409);
    expect(['plan-not-approved', 'still-bleeding']).toContain(early.body['code']);
    expect(await done(alex.post(`${planPath}/approvals`, vote))).toMatchObject({
      state: 'approved',
    });
    service.clock.advance(120_000);
    expect((await alex.get(`${planPath}.sql`)).body['code']).toBe('plan-not-approved');
    expect(await done(viewer.get(`${planPath}/runs`))).toEqual({ items: [], nextCursor: null });
    const script = await kim.get(`${planPath}.sql`);
    expect(script.headers.get('content-type')).toContain('application/sql');
    expect(script.text).toContain(`hash ${String(plan['hash'])}`);
    expect((await robin.get(`${planPath}.sql`)).status).toBe(403);

    expect(await done(viewer.get(`${path}/bleeding`))).toMatchObject({ bleeding: false });
    const key = { headers: { 'idempotency-key': 'start-a' } };
    const run = await done(robin.post(`${planPath}/runs`, { planHash: plan['hash'] }, key));
    const again = await done(robin.post(`${planPath}/runs`, { planHash: plan['hash'] }, key));
    expect(again['id']).toBe(run['id']);

    expect(await done(viewer.get(`${planPath}/runs`))).toMatchObject({
      items: [{ id: run['id'] }],
    });

    const events = await readEvents(String(run['id']));
    const entries = events
      .filter(({ event }) => event === 'entry')
      .map(({ data }) => JSON.parse(data) as { type: string });
    expect(entries[0]?.type).toBe('run-started');
    expect(entries.at(-1)?.type).toBe('run-finished');
    expect(entries.filter(({ type }) => type === 'order-verified')).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({
      event: 'end',
      data: '{"state":"finished","stopReason":null}',
    });
    const lastEntry = events.filter(({ event }) => event === 'entry').at(-2);
    const resumed = await readEvents(String(run['id']), lastEntry?.id);
    expect(resumed.filter(({ event }) => event === 'entry')).toHaveLength(1);

    const runPath = `/api/v1/restore-runs/${String(run['id'])}`;
    expect(await done(viewer.get(runPath))).toMatchObject({
      state: 'finished',
      items: { verified: 3, failed: 0 },
    });
    expect(await done(viewer.get(`${runPath}/items?state=failed,refused`))).toMatchObject({
      items: [],
    });
    expect(await done(viewer.get(`${path}/restore-runs`))).toMatchObject({
      items: [{ id: run['id'] }],
    });
    expect(await done(viewer.get(`${path}/restore-plans`))).toMatchObject({
      items: [{ runId: run['id'], state: 'run' }],
    });
    expect((await robin.post(`${runPath}/retry`, undefined)).body).toMatchObject({
      code: 'nothing-to-retry',
    });
    expect((await robin.post(`${runPath}/pause`, undefined)).body).toMatchObject({
      code: 'transition-refused',
    });
    const [item] = (await done(viewer.get(`${runPath}/items`)))['items'] as [{ id: string }];
    const said = { outcome: 'applied', reason: 'seen in the shop' };
    const settlePath = `${runPath}/items/${item.id}/settle`;
    expect((await robin.post(settlePath, said)).status).toBe(403);
    expect((await alex.post(settlePath, { ...said, reason: ' ' })).status).toBe(400);
    expect((await alex.post(settlePath, said)).body).toMatchObject({
      status: 409,
      code: 'item-not-unknown',
    });
    const undo = await done(robin.post(`${runPath}/undo`, undefined));
    expect(undo).toMatchObject({ action: 'undo', undoesRunId: run['id'], reopen: 3 });
  });

  it('says what is wrong with a request, and what is not there', async () => {
    const nowhere = '01890000-0000-7000-8000-000000000000';
    expect((await viewer.get(`/api/v1/restore-plans/${nowhere}`)).body).toMatchObject({
      status: 404,
      code: 'plan-unknown',
    });
    for (const runId of [nowhere, 'no-id']) {
      const events = await viewer.get(`/api/v1/restore-runs/${runId}/events`);
      expect(events.headers.get('content-type')).toContain('application/problem+json');
      expect(events.body).toMatchObject({ status: 404, code: 'run-unknown' });
    }
    expect((await viewer.get(`/api/v1/restore-plans/${nowhere}/runs`)).body).toMatchObject({
      status: 404,
      code: 'plan-unknown',
    });
    expect(
      (
        await alex.post(`/api/v1/restore-runs/${nowhere}/items/${nowhere}/settle`, {
          outcome: 'applied',
          reason: 'x',
        })
      ).body,
    ).toMatchObject({ status: 404, code: 'item-unknown' });
    expect(
      (await alex.post(`/api/v1/restore-plans/${nowhere}/approvals`, { decision: 'maybe' })).body,
    ).toMatchObject({
      status: 400,
      code: 'input-invalid',
    });
    expect((await robin.post(`/api/v1/incidents/${nowhere}/restore-plans`, undefined)).status).toBe(
      404,
    );
  });

  it('takes the approval of another person once the approver’s token is revoked', async () => {
    const { incident } = await harm(1, 'job-leaver');
    service.clock.advance(120_000);
    const plan = await done(robin.post(`/api/v1/incidents/${incident}/restore-plans`, undefined));
    const planPath = `/api/v1/restore-plans/${String(plan['id'])}`;
    const vote = { decision: 'approved', planHash: plan['hash'] };
    const leaver = await service.newcomer({ name: 'Lee', role: 'approver' });
    await done(leaver.http.post(`${planPath}/approvals`, vote));
    const tokensPath = `/api/v1/persons/${leaver.personId}/tokens`;
    const [token] = (await done(service.admin.get(tokensPath)))['items'] as [{ id: string }];
    expect((await service.admin.delete(`${tokensPath}/${token.id}`)).status).toBeLessThan(300);

    expect((await robin.post(`${planPath}/runs`, undefined)).body).toMatchObject({
      status: 409,
      code: 'plan-not-approved',
      detail: expect.stringContaining('may not approve any more') as unknown,
    });
    expect(await done(viewer.get(planPath))).toMatchObject({
      state: 'approved',
      standing: { approved: false, missing: 1 },
    });
    const other = { ...vote, planHash: '0'.repeat(64) };
    expect((await kim.post(`${planPath}/approvals`, other)).body['code']).toBe('hash-changed');
    expect(await done(kim.post(`${planPath}/approvals`, vote))).toMatchObject({
      state: 'approved',
      hash: plan['hash'],
      standing: { approved: true, missing: 0 },
    });
    expect(await done(robin.post(`${planPath}/runs`, undefined))).toMatchObject({
      planId: plan['id'],
    });
  });

  it('is described in the API document', async () => {
    const { paths } = (await done(viewer.get('/api/openapi.json'))) as {
      paths: Record<string, unknown>;
    };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining([
        '/api/v1/incidents/{id}/restore-plans',
        '/api/v1/incidents/{id}/bleeding',
        '/api/v1/restore-plans/{id}',
        '/api/v1/restore-plans/{id}.sql',
        '/api/v1/restore-plans/{id}/items',
        '/api/v1/restore-plans/{id}/approvals',
        '/api/v1/restore-plans/{id}/runs',
        '/api/v1/restore-runs/{id}',
        '/api/v1/restore-runs/{id}/events',
        '/api/v1/restore-runs/{id}/items/{item}/settle',
        '/api/v1/restore-runs/{id}/pause',
        '/api/v1/restore-runs/{id}/retry',
        '/api/v1/restore-runs/{id}/undo',
      ]),
    );
  });
});
