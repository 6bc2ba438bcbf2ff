import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ManualClock } from '../../src/platform/clock.js';
import { faultsOfDocument, routesOf, type OpenApiDocument } from '../support/openapi-check.js';
import { withClient } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';

let service: TestService<ManualClock>;
let document: OpenApiDocument;
beforeAll(async () => {
  service = await startTestService();
  document = (await service.admin.get('/api/openapi.json')).body as unknown as OpenApiDocument;
});
afterAll(() => service.stop());

const persons = '/api/v1/persons';
const reserved = 'SELECT FROM reinstate.idempotency_key WHERE key = $1';
const under = (key: string) => ({ headers: { 'idempotency-key': key } });

describe('a refusal', () => {
  it.each<[string, () => Promise<{ status: number; body: Record<string, unknown> }>, object]>([
    [
      'of broken JSON',
      () => service.admin.post(persons, '{"name": '),
      { status: 400, code: 'request-invalid' },
    ],
    [
      'of a field that nobody knows',
      () => service.admin.post(persons, { name: 'x', nome: 'y' }),
      { status: 400, code: 'input-invalid', fields: [{ field: 'nome' }] },
    ],
    [
      'of a field that is missing',
      () => service.admin.post(persons, {}),
      { status: 400, code: 'input-invalid', fields: [{ field: 'name' }] },
    ],
    [
      'of a body that is too large',
      () => service.admin.post(persons, { name: 'x'.repeat(1_100_000) }),
      { status: 413, code: 'body-too-large' },
    ],
    [
      'of a body that is no JSON',
      () => service.admin.post(persons, '<x/>', { headers: { 'content-type': 'text/xml' } }),
      { status: 415, code: 'media-type-unknown' },
    ],
    [
      'of a path that is not there',
      () => service.admin.get('/api/v1/nothing'),
      { status: 404, code: 'route-unknown' },
    ],
    [
      'of an id that is none',
      () => service.admin.get(`${persons}/7/tokens`),
      { status: 400, code: 'request-invalid' },
    ],
    [
      'of an address that cannot be read',
      () => service.admin.get(`${persons}/%zz/tokens`),
      { status: 400, code: 'request-invalid' },
    ],
    [
      'of a person who is not there',
      () => service.admin.get(`${persons}/00000000-0000-4000-8000-000000000000/tokens`),
      { status: 404, code: 'person-unknown' },
    ],
    [
      'of a cursor of another list',
      () => service.admin.get('/api/v1/audit?cursor=abc'),
      { status: 400, code: 'cursor-invalid' },
    ],
    [
      'of a page that is too large',
      () => service.admin.get('/api/v1/audit?limit=501'),
      { status: 400, code: 'input-invalid', fields: [{ field: 'limit' }] },
    ],
  ])('%s is a problem document that says what to do', async (_of, call, expected) => {
    const { status, body } = await call();
    expect(body).toMatchObject({ ...expected, type: 'about:blank', title: expect.any(String) });
    expect(status).toBe(body['status']);
    expect(String(body['detail']).length).toBeGreaterThan(10);
  });

  it('names every field that is wrong, not only the first', async () => {
    const { body } = await service.admin.post(persons, { kind: 'robot', email: 'x', extra: 1 });
    const fields = body['fields'] as { field: string; message: string }[];
    expect(fields.map(({ field }) => field).sort()).toEqual(['email', 'extra', 'kind', 'name']);
    expect(fields.every(({ message }) => message.length > 0)).toBe(true);
  });
});

describe('a request under an idempotency key', () => {
  it('that is repeated is answered as before, and done once', async () => {
    const first = await service.admin.post(persons, { name: 'Ida' }, under('ida-1'));
    const second = await service.admin.post(persons, { name: 'Ida' }, under('ida-1'));
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(second.headers.get('idempotency-replayed')).toBe('true');
  });

  it('is refused where the key stood for something else', async () => {
    await service.admin.post(persons, { name: 'Otto' }, under('otto-1'));
    const other = await service.admin.post(persons, { name: 'Otto 2' }, under('otto-1'));
    expect([other.status, other.body['code']]).toEqual([409, 'idempotency-key-reused']);
  });

  it('may come again after it was refused, since nothing was done', async () => {
    const refused = await service.admin.post(persons, { name: 'admin' }, under('again-1'));
    expect(refused.body['code']).toBe('name-taken');
    const faulty = await service.admin.post(persons, { nome: 'x' }, under('again-1'));
    expect(faulty.body['code']).toBe('input-invalid');
    const good = await service.admin.post(persons, { name: 'Again' }, under('again-1'));
    expect(good.status).toBe(201);
  });

  it('does not meet the same key of another person', async () => {
    const { http } = await service.newcomer({ name: 'Second admin', role: 'admin' });
    const mine = await service.admin.post(persons, { name: 'Mine' }, under('shared'));
    const theirs = await http.post(persons, { name: 'Theirs' }, under('shared'));
    expect([mine.status, theirs.status]).toEqual([201, 201]);
  });

  it('is refused with a key that is too long', async () => {
    const answer = await service.admin.post(persons, { name: 'Long' }, under('x'.repeat(256)));
    expect(answer.body['code']).toBe('idempotency-key-invalid');
  });

  it('waits while the first is under way; then it gets the same answer', async () => {
    await withClient(service.database.url, async (client) => {
      await client.query('BEGIN');
      // holds up new persons, nothing else
      await client.query('LOCK TABLE reinstate.person IN SHARE ROW EXCLUSIVE MODE');
      const first = service.admin.post(persons, { name: 'Slow' }, under('slow-1'));
      while ((await client.query(reserved, ['slow-1'])).rowCount === 0) await pause(10);
      const repeated = await service.admin.post(persons, { name: 'Slow' }, under('slow-1'));
      expect(repeated.body['code']).toBe('request-under-way');
      service.clock.advance(121_000);
      const later = await service.admin.post(persons, { name: 'Slow' }, under('slow-1'));
      expect(later.body['code']).toBe('outcome-unknown');
      await client.query('COMMIT');
      expect((await first).status).toBe(201);
      const settled = await service.admin.post(persons, { name: 'Slow' }, under('slow-1'));
      expect(settled.body).toEqual((await first).body);
    });
  });

  it('that comes many times at once is done once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        service.admin.post(persons, { name: 'Crowd' }, under('crowd-1')),
      ),
    );
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map(({ body }) => body['id'])).size).toBe(1);
    const others = answers.filter(({ status }) => status !== 201);
    expect(others.every(({ body }) => body['code'] === 'request-under-way')).toBe(true);
  });
});

describe('the API document', () => {
  it('is sound OpenAPI 3.1', () => {
    expect(faultsOfDocument(document)).toEqual([]);
  });

  it('lists what there is', () => {
    const listed = routesOf(document).map(({ method, path }) => `${method} ${path}`);
    expect(listed).toEqual(
      expect.arrayContaining([
        'get /api/v1/persons/me',
        'post /api/v1/persons',
        'delete /api/v1/persons/{id}/tokens/{token}',
        'get /api/v1/audit',
        'get /health/live',
        'get /metrics',
      ]),
    );
  });

  it('says that a token is needed wherever one is', () => {
    const without = routesOf(document)
      .filter(({ operation }) => (operation.security ?? []).length === 0)
      .map(({ path }) => path);
    expect(without.sort()).toEqual(['/health/live', '/health/ready']);
  });

  it('is what every answer to a test is held against', async () => {
    const { contract } = service.admin;
    const { personId } = await service.newcomer({ name: 'Described', role: 'viewer' });
    await service.admin.get(`/api/v1/persons/${personId}/tokens?limit=1`);
    await service.admin.delete(`/api/v1/persons/${personId}`);
    await service.admin.get('/api/v1/nowhere');
    expect([...contract.seen.keys()]).toEqual(
      expect.arrayContaining([
        'post /api/v1/persons 201',
        'get /api/v1/persons/{id}/tokens 200',
        'delete /api/v1/persons/{id} 204',
        'no route 404',
      ]),
    );
  });
});

describe('metrics', () => {
  it('come as text for Prometheus', async () => {
    const answer = await service.admin.get('/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.text).toMatch(/^process_cpu_seconds_total \d/m);
  });
});
