import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { newId } from '../../src/platform/ids.js';
import { SystemClock } from '../../src/platform/clock.js';
import { SHOP_SCHEMA_SQL } from '../../demo/shop/schema.js';
import type { HttpCaller } from '../support/http-caller.js';
import { orderEvent } from '../support/order-events.js';
import { createTestDatabase, withClient, type TestDatabase } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';

const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;
let shopDatabase: TestDatabase;
let service: TestService<SystemClock>;
let responder: HttpCaller;
let viewer: HttpCaller;
let incidentId: string;

beforeAll(async () => {
  shopDatabase = await createTestDatabase();
  await withClient(shopDatabase.url, (client) => client.query(SHOP_SCHEMA_SQL));
  const { url } = shopDatabase;
  service = await startTestService({
    clock: new SystemClock(),
    settings: {
      shops: [
        {
          ...{ id: 'main', name: 'Main shop', profile: 'sample-shop' },
          ...{ postgres: { replicate: url, read: url }, restore: {} as never },
        },
      ],
    },
  });
  responder = (await service.newcomer({ name: 'rita', role: 'responder' })).http;
  viewer = (await service.newcomer({ name: 'vera', role: 'viewer' })).http;
  incidentId = await openIncident();
});
afterAll(async () => {
  await service.stop();
  await shopDatabase.drop();
});

/** Six wrongful cancellations and their finding, written down as intake and detection do. */
async function openIncident(): Promise<string> {
  const { database } = service.database;
  const journal = new JournalService(database, new JournalStore());
  const now = new Date();
  const events = Array.from({ length: 6 }, (_, index) =>
    orderEvent(index + 1, {
      ...{ shopId: 'main', committedAt: now.toISOString(), ...job },
      rowChanges: [
        {
          ...{ table: 'shop.orders', key: [String(index + 1)], operation: 'update' },
          before: { status: 'paid', ship_name: { sealed: 'x', hash: 'y', keyOf: 'customer:1' } },
          after: {
            status: 'cancelled',
            ship_name: { sealed: 'x', hash: 'y', keyOf: 'customer:1' },
          },
        },
      ],
    }),
  );
  const entries = await database.transaction((transaction) =>
    journal.append(transaction, 'main', events, now),
  );
  const findingId = newId();
  const measure = { orders: 6, accounts: 6, since: now, expected: 0.2, rising: true };
  await database.transaction(async (transaction) => {
    await transaction.query(
      `INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
         last_event_at, found_at)
       VALUES ($1, 'main', 'test', 'http', 'live', '{}', 'six', $2, $3, $3, $3)`,
      [findingId, JSON.stringify(measure), now],
    );
    for (const { position, orderId } of entries)
      await transaction.query('INSERT INTO finding_entry VALUES ($1, $2, $3, $4)', [
        findingId,
        position,
        orderId,
        now,
      ]);
  });
  return waitForIncident();
}

async function waitForIncident(): Promise<string> {
  for (let check = 0; check < 100; check += 1) {
    const { body } = await viewer.get('/api/v1/incidents?shop=main');
    const [found] = body['items'] as { id: string }[];
    if (found !== undefined) return found.id;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no incident was opened');
}

const items = (body: Record<string, unknown>) => body['items'] as Record<string, unknown>[];

describe('the running service', () => {
  it('opens the incident by itself, and shows it with its cases counted', async () => {
    const { status, body } = await viewer.get(`/api/v1/incidents/${incidentId}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ id: incidentId, number: 1, shopId: 'main', status: 'open', assignee: null },
      cases: { total: 6, byState: { open: 6 } },
    });
  });

  it('pages through the cases, each order once', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const after = cursor === null ? '' : `&cursor=${cursor}`;
      const path = `/api/v1/incidents/${incidentId}/cases?limit=4&state=open,planned${after}`;
      const { body } = await viewer.get(path);
      seen.push(...items(body).map((one) => one['orderId']));
      cursor = body['nextCursor'] as string | null;
    } while (cursor !== null);
    expect(seen.sort()).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('tells the story, whole or without the single cases', async () => {
    const path = `/api/v1/incidents/${incidentId}/timeline`;
    const whole = items((await viewer.get(path)).body);
    expect(whole.filter(({ type }) => type === 'case-added')).toHaveLength(6);
    const short = items((await viewer.get(`${path}?scope=incident`)).body);
    expect(short.map(({ type }) => type)).toEqual(['incident-opened']);
    const caseId = String(whole.find(({ type }) => type === 'case-added')!['caseId']);
    expect(items((await viewer.get(`${path}?case=${caseId}`)).body)).toHaveLength(1);
  });

  it('answers support: which incident is order S-3 in, and what happened to it', async () => {
    const cases = await viewer.get('/api/v1/shops/main/orders/S-3/cases');
    expect(items(cases.body)).toMatchObject([{ orderId: '3', incidentId, incidentNumber: 1 }]);
    const journal = await viewer.get('/api/v1/shops/main/orders/S-3/journal');
    expect(items(journal.body)).toMatchObject([
      {
        ...{ orderId: '3', kinds: ['cancelled'], actor: 'unpaid-orders' },
        rowChanges: [{ before: { status: 'paid', ship_name: '(personal)' } }],
      },
    ]);
    expect(journal.text).not.toContain('sealed');
    const nothing = await viewer.get('/api/v1/shops/main/orders/S-77/journal');
    expect([nothing.status, nothing.body['code']]).toEqual([404, 'order-unknown']);
    const nowhere = await viewer.get('/api/v1/shops/none/orders/S-3/cases');
    expect([nowhere.status, nowhere.body['code']]).toEqual([404, 'shop-missing']);
  });

  it('asks which order is meant where a number may be an id', async () => {
    const at = '/api/v1/shops/main/orders/3';
    expect(items((await viewer.get(`${at}/cases?by=id`)).body)).toHaveLength(1);
    expect(items((await viewer.get(`${at}/cases?by=number`)).body)).toEqual([]);
    expect((await viewer.get(`${at}/journal?by=number`)).status).toBe(404);
    expect((await viewer.get(`${at}/cases?by=name`)).status).toBe(400);
  });

  it('shows who was paged', async () => {
    const kinds = (body: Record<string, unknown>) => items(body).map(({ kind }) => kind);
    const ofIncident = await viewer.get(`/api/v1/incidents/${incidentId}/pages`);
    expect([ofIncident.status, kinds(ofIncident.body)]).toEqual([200, ['incident-opened']]);
    const all = await viewer.get(`/api/v1/pages?incident=${incidentId}&limit=1`);
    expect(all.body).toEqual(ofIncident.body);
    expect((await viewer.get(`/api/v1/incidents/${newId()}/pages`)).status).toBe(404);
    expect((await viewer.get('/api/v1/pages?cursor=x')).status).toBe(400);
    const text = JSON.stringify(all.body);
    expect(text).not.toMatch(/secret|http:/);
  });

  it('has watched streams and told of pages without a failure', async () => {
    const { text } = await service.admin.get('/metrics');
    for (const step of ['stream-alerts', 'incident-pages', 'alerting', 'incidents']) {
      expect(text).toMatch(new RegExp(`runs_total\\{step="${step}",outcome="ok"\\} [1-9]`));
      expect(text).toContain(`runs_total{step="${step}",outcome="failed"} 0\n`);
    }
    const failures = [
      ...text.matchAll(/^reinstate_(?:alerting|incidents)_failures_total.* (\d+)$/gm),
    ];
    expect(failures.map(([, count]) => count)).toEqual(['0', '0', '0', '0', '0']);
  });

  it('shows the alert, and the runbook that it names', async () => {
    const { body } = await viewer.get('/api/v1/alerts?state=firing&shop=main');
    const [alert] = items(body);
    expect(alert).toMatchObject({ name: 'WrongfulCancellations', state: 'firing' });
    const one = await viewer.get(`/api/v1/alerts/${String(alert!['id'])}`);
    expect(one.body).toEqual(alert);
    const url = (alert!['annotations'] as { runbook_url: string }).runbook_url;
    const runbook = await viewer.get(url);
    expect(runbook.status).toBe(200);
    expect(runbook.headers.get('content-type')).toContain('text/markdown');
    for (const heading of ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'])
      expect(runbook.text).toContain(`## ${heading}`);
    const other = await viewer.get('/api/v1/runbooks/..%2F..%2Fpackage');
    expect([other.status, other.body['code']]).toEqual([404, 'runbook-unknown']);
  });
});

describe('people', () => {
  const act = (who: HttpCaller, deed: string, body: unknown = {}) =>
    who.post(`/api/v1/incidents/${incidentId}/${deed}`, body);

  it('who only look change nothing', async () => {
    for (const deed of ['acknowledge', 'assign', 'comment', 'resolve', 'reopen', 'severity'])
      expect((await act(viewer, deed)).status).toBe(403);
    expect((await viewer.post('/api/v1/incidents', {})).status).toBe(403);
    expect((await viewer.post('/api/v1/announcements', {})).status).toBe(403);
  });

  it('who respond take the incident, speak, set its severity', async () => {
    expect((await act(responder, 'acknowledge')).body).toMatchObject({
      status: 'acknowledged',
      assignee: { name: 'rita' },
    });
    expect((await act(responder, 'assign', { personId: null })).body).toMatchObject({
      assignee: null,
    });
    expect((await act(responder, 'comment', { text: 'job is stopped' })).status).toBe(200);
    const severe = { severity: 'critical', reason: 'sale day' };
    expect((await act(responder, 'severity', severe)).body).toMatchObject({ severity: 'critical' });
    const again = await act(responder, 'acknowledge');
    expect([again.status, again.body['code']]).toEqual([409, 'transition-refused']);
    const silent = await act(responder, 'comment', { text: ' ' });
    expect([silent.status, silent.body['code']]).toEqual([400, 'input-invalid']);
  });

  it('decide a verdict by hand, with a reason', async () => {
    const [one] = items((await viewer.get(`/api/v1/incidents/${incidentId}/cases`)).body);
    const path = `/api/v1/incidents/${incidentId}/cases/${String(one!['id'])}`;
    const decided = await responder.post(`${path}/verdict`, {
      verdict: 'wrongful',
      reason: 'the customer was asked',
    });
    expect(decided.body).toMatchObject({ verdict: 'wrongful' });
    expect((await viewer.get(path)).body).toEqual(decided.body);
    const elsewhere = path.replace(incidentId, newId());
    expect((await viewer.get(elsewhere)).status).toBe(404);
  });

  it('resolve it only for a reason while it goes on, and reopen it', async () => {
    const refused = await act(responder, 'resolve', { reason: 'enough' });
    expect([refused.status, refused.body['code']]).toEqual([409, 'still-bleeding']);
    const override = 'the job is gone';
    const resolved = await act(responder, 'resolve', { reason: 'enough', override });
    expect(resolved.body).toMatchObject({ status: 'resolved', cases: { byState: { closed: 6 } } });
    const reopened = await act(responder, 'reopen', { reason: 'it was not' });
    expect(reopened.body).toMatchObject({ status: 'open', cases: { byState: { open: 6 } } });
  });

  it('declare an incident once per idempotency key', async () => {
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const body = { shop: 'main', since, reason: 'customers call' };
    const headers = { 'idempotency-key': 'declare-1' };
    const first = await responder.post('/api/v1/incidents', body, { headers });
    expect(first.status).toBe(201);
    const second = await responder.post('/api/v1/incidents', body, { headers });
    expect(second.body['id']).toBe(first.body['id']);
    const { body: list } = await viewer.get('/api/v1/incidents?status=open&limit=1');
    expect(items(list)[0]!['id']).toBe(first.body['id']);
    expect(list['nextCursor']).not.toBeNull();
  });

  it('announce a bulk cancel, see it and withdraw it', async () => {
    const startsAt = new Date().toISOString();
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const body = { shop: 'main', startsAt, endsAt, greatestCount: 50, reason: 'recall' };
    const missing = await responder.post('/api/v1/announcements', body);
    expect([missing.status, missing.body['code']]).toEqual([400, 'input-invalid']);
    const filter = { attributes: { warehouse: 'north' } };
    const made = await responder.post('/api/v1/announcements', { ...body, filter });
    expect(made.status).toBe(201);
    const path = `/api/v1/announcements/${String(made.body['id'])}`;
    expect(items((await viewer.get('/api/v1/announcements?shop=main')).body)).toEqual([made.body]);
    expect((await responder.delete(path)).body['withdrawnAt']).toEqual(expect.any(String));
    expect((await responder.delete(path)).status).toBe(409);
  });
});
