import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ManualClock } from '../../src/platform/clock.js';
import type { HttpCaller } from '../support/http-caller.js';
import { routesOf, type OpenApiDocument } from '../support/openapi-check.js';
import { startTestService, testStart, type TestService } from '../support/service.js';

const dayMs = 86_400_000;
const unknownId = '00000000-0000-4000-8000-000000000000';

let service: TestService<ManualClock>;
let nobody: HttpCaller;
beforeAll(async () => {
  service = await startTestService();
  nobody = service.admin.as(undefined);
});
afterAll(() => service.stop());

async function document(): Promise<OpenApiDocument> {
  return (await service.admin.get('/api/openapi.json')).body as unknown as OpenApiDocument;
}

const basic = (password: string) => ({
  headers: { authorization: `Basic ${Buffer.from(`me:${password}`).toString('base64')}` },
});

describe('without a good token', () => {
  it('nothing that the API document names answers, but health', async () => {
    const routes = routesOf(await document());
    const open: string[] = [];
    for (const { method, path } of routes) {
      const filled = path.replaceAll(/\{\w+\}/g, unknownId);
      const answer = await nobody.call(method.toUpperCase(), filled);
      if (answer.status === 200) open.push(path);
      else expect([path, answer.status, answer.body['code']]).toEqual([path, 401, 'token-missing']);
    }
    expect(open.sort()).toEqual(['/health/live', '/health/ready']);
    expect(routes.length).toBeGreaterThan(8);
  });

  it.each([
    '/api/docs',
    '/api/docs/',
    '/%61pi/docs',
    '/api/docs/swagger-ui-init.js',
    '/api/docs-yaml',
    '/api/openapi.json',
    '/metrics',
    '/',
    '/api/v1/nothing-here',
    '/health',
    '/health/live/../../api/docs',
  ])('%s does not answer either', async (path) => {
    const answer = await nobody.get(path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      401,
      'application/problem+json; charset=utf-8',
    ]);
  });

  it('a large body is not even read', async () => {
    const answer = await nobody.post('/api/v1/persons', '{ no JSON'.padEnd(3_000_000));
    expect(answer.status).toBe(401);
  });

  it('an answer says how to come in, and programs are not asked for a password', async () => {
    const answer = await nobody.get('/api/v1/persons/me');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="Reinstate"');
    expect(answer.body).toMatchObject({
      type: 'about:blank',
      title: 'A token is needed',
      status: 401,
      code: 'token-missing',
      detail: expect.stringContaining('Authorization: Bearer rst_'),
    });
  });
});

describe('the API document', () => {
  it('can be read in a browser: the token is the password', async () => {
    const asked = await nobody.get('/api/docs');
    expect(asked.headers.get('www-authenticate')).toMatch(/^Basic /);
    const page = await nobody.get('/api/docs', basic(service.adminToken));
    expect([page.status, page.text.includes('Swagger UI')]).toEqual([200, true]);
    expect((await nobody.get('/api/docs', basic('wrong'))).status).toBe(401);
  });

  it('is only for those who may look', async () => {
    const { http } = await service.newcomer({ name: 'scraper', role: 'metrics', kind: 'service' });
    expect((await http.get('/api/openapi.json')).status).toBe(403);
  });

  it('has a password nowhere else, since a browser would send it along unasked', async () => {
    expect((await nobody.get('/api/v1/persons/me', basic(service.adminToken))).status).toBe(401);
  });
});

describe('a token', () => {
  it('comes in as the person whom it belongs to', async () => {
    const { personId, http } = await service.newcomer({ name: 'Vera', role: 'viewer' });
    expect((await http.get('/api/v1/persons/me')).body).toEqual({
      personId,
      name: 'Vera',
      kind: 'person',
      role: 'viewer',
      tokenId: expect.any(String),
    });
  });

  it('is told once, and stored nowhere', async () => {
    const { personId, secret } = await service.newcomer({ name: 'Once', role: 'viewer' });
    const listed = await service.admin.get(`/api/v1/persons/${personId}/tokens`);
    expect(listed.text).toContain('test viewer');
    expect(listed.text).not.toContain(secret);
    const stored = await service.database.database.query(
      `SELECT * FROM access_token WHERE person_id = $1`,
      [personId],
    );
    expect(JSON.stringify(stored)).not.toContain(secret);
    const audit = await service.admin.get('/api/v1/audit?limit=500');
    expect(audit.text).toContain('token.issued');
    expect(audit.text).not.toContain(secret);
  });

  it('ends when it expires', async () => {
    const { http } = await service.newcomer({ name: 'Brief', role: 'viewer', days: 1 });
    service.clock.advance(dayMs - 1);
    expect((await http.get('/api/v1/persons/me')).status).toBe(200);
    service.clock.advance(1);
    expect((await http.get('/api/v1/persons/me')).body['code']).toBe('token-refused');
  });

  it('ends when it is revoked, and the other tokens of the person do not', async () => {
    const { personId, http } = await service.newcomer({ name: 'Revoked', role: 'viewer' });
    const other = await service.admin.post(`/api/v1/persons/${personId}/tokens`, {
      role: 'responder',
      label: 'phone',
    });
    const me = await http.get('/api/v1/persons/me');
    const path = `/api/v1/persons/${personId}/tokens/${String(me.body['tokenId'])}`;
    expect((await service.admin.delete(path)).status).toBe(204);
    expect((await http.get('/api/v1/persons/me')).status).toBe(401);
    expect((await http.as(String(other.body['secret'])).get('/api/v1/persons/me')).status).toBe(
      200,
    );
    expect((await service.admin.delete(path)).body['code']).toBe('token-unknown');
  });

  it('is revoked only under the person whose it is', async () => {
    const { http } = await service.newcomer({ name: 'Kept', role: 'viewer' });
    const me = await http.get('/api/v1/persons/me');
    const path = `/api/v1/persons/${unknownId}/tokens/${String(me.body['tokenId'])}`;
    expect((await service.admin.delete(path)).status).toBe(404);
    expect((await http.get('/api/v1/persons/me')).status).toBe(200);
  });

  it('ends with the person, who gets no new one', async () => {
    const { personId, http } = await service.newcomer({ name: 'Gone', role: 'viewer' });
    expect((await service.admin.delete(`/api/v1/persons/${personId}`)).status).toBe(204);
    expect((await http.get('/api/v1/persons/me')).status).toBe(401);
    const again = await service.admin.post(`/api/v1/persons/${personId}/tokens`, {
      role: 'viewer',
      label: 'again',
    });
    expect(again.status).toBe(404);
    const listed = await service.admin.get('/api/v1/persons');
    const items = listed.body['items'] as { id: string; disabledAt: string | null }[];
    expect(items.find(({ id }) => id === personId)?.disabledAt).not.toBeNull();
  });

  it('of the last admin cannot be taken away, by nobody', async () => {
    const me = (await service.admin.get('/api/v1/persons/me')).body;
    const person = `/api/v1/persons/${String(me['personId'])}`;
    for (const path of [person, `${person}/tokens/${String(me['tokenId'])}`]) {
      expect((await service.admin.delete(path)).body['code']).toBe('last-admin');
    }
    expect((await service.admin.get('/api/v1/persons/me')).status).toBe(200);
  });

  it('of a service cannot approve', async () => {
    const robot = await service.admin.post('/api/v1/persons', { name: 'Robot', kind: 'service' });
    const issued = await service.admin.post(`/api/v1/persons/${String(robot.body['id'])}/tokens`, {
      role: 'approver',
      label: 'x',
    });
    expect([issued.status, issued.body['code']]).toEqual([400, 'service-cannot-approve']);
  });
});

describe('a role', () => {
  it('opens what it is for and nothing else', async () => {
    const paths = ['/api/v1/persons/me', '/api/v1/persons', '/api/v1/audit', '/metrics'];
    const seen: Record<string, number[]> = {};
    for (const role of ['viewer', 'responder', 'approver', 'admin', 'ingest', 'metrics']) {
      const { http } = await service.newcomer({ name: `a ${role}`, role });
      const answers = await Promise.all(paths.map((path) => http.get(path)));
      seen[role] = answers.map(({ status }) => status);
    }
    expect(seen).toEqual({
      viewer: [200, 403, 403, 403],
      responder: [200, 403, 403, 403],
      approver: [200, 403, 403, 403],
      admin: [200, 200, 200, 200],
      ingest: [403, 403, 403, 403],
      metrics: [403, 403, 403, 200],
    });
  });

  it('that only looks, ingests or measures changes nothing, wherever', async () => {
    const { http: viewer } = await service.newcomer({ name: 'Looks', role: 'viewer' });
    const { http: metrics } = await service.newcomer({ name: 'Measures', role: 'metrics' });
    const { http: ingest } = await service.newcomer({ name: 'Ingests', role: 'ingest' });
    const routes = routesOf(await document()).filter(({ path }) => !path.startsWith('/health'));
    const letIn: string[] = [];
    for (const { method, path } of routes) {
      const filled = path.replaceAll(/\{\w+\}/g, unknownId);
      for (const http of [viewer, metrics, ingest]) {
        if (http === viewer && method === 'get') continue;
        const { status } = await http.call(method.toUpperCase(), filled);
        const who = http === metrics ? 'metrics' : http === ingest ? 'ingest' : 'viewer';
        if (status !== 403) letIn.push(`${who}: ${method} ${path}`);
      }
    }
    expect(letIn.sort()).toEqual([
      'ingest: post /api/v1/changes',
      'ingest: post /api/v1/order-events',
      'metrics: get /metrics',
      // says what is wrong with a text, and keeps nothing
      'viewer: post /api/v1/runbooks/lint',
    ]);
  });

  it('that is too low is told together with the one that is needed', async () => {
    const { http } = await service.newcomer({ name: 'Low', role: 'viewer' });
    const answer = await http.post('/api/v1/persons', { name: 'x' });
    expect(answer.body).toMatchObject({
      status: 403,
      code: 'role-too-low',
      detail: 'this needs the role admin; this token has the role viewer',
    });
  });
});

describe('the audit', () => {
  it('has every change with who made it, newest first, page by page', async () => {
    const { personId } = await service.newcomer({ name: 'Audited', role: 'viewer' });
    const walked: { id: number; action: string; person: string | null; subjectId: string }[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await service.admin.get(`/api/v1/audit?limit=3${query}`);
      const items = page.body['items'] as typeof walked;
      expect(items.length).toBeLessThanOrEqual(3);
      walked.push(...items);
      cursor = page.body['nextCursor'] as string | null;
    } while (cursor !== null);
    const whole = (await service.admin.get('/api/v1/audit?limit=500')).body['items'];
    expect(walked).toEqual(whole);
    const ids = walked.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((left, right) => right - left));
    expect(
      walked.filter(({ subjectId }) => subjectId === personId).map(({ action }) => action),
    ).toEqual(['token.issued', 'person.created']);
    expect(walked.find(({ subjectId }) => subjectId === personId)?.person).toBe('admin');
    expect(walked.at(-1)).toMatchObject({ action: 'person.created', person: null });
  });

  it('can be asked about one subject', async () => {
    const { personId } = await service.newcomer({ name: 'Subject', role: 'viewer' });
    const answer = await service.admin.get(
      `/api/v1/audit?subjectKind=person&subjectId=${personId}`,
    );
    const items = answer.body['items'] as { subjectId: string }[];
    expect(items.map(({ subjectId }) => subjectId)).toEqual([personId, personId]);
  });

  it('has no entry of a change that was refused', async () => {
    const before = (await service.admin.get('/api/v1/audit?limit=1')).body['items'];
    expect((await service.admin.post('/api/v1/persons', { name: 'admin' })).status).toBe(409);
    expect((await service.admin.get('/api/v1/audit?limit=1')).body['items']).toEqual(before);
  });
});

describe('refused tokens', () => {
  it('make their address wait, but not those who were known good from there', async () => {
    service.clock.set(new Date(testStart.getTime() + 30 * dayMs));
    const stranger = nobody.as('rst_'.padEnd(47, 'x'));
    const { http } = await service.newcomer({ name: 'Later', role: 'viewer' });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 22; attempt += 1) {
      statuses.push((await stranger.get('/api/v1/persons/me')).status);
    }
    expect(statuses).toEqual([...Array<number>(20).fill(401), 429, 429]);

    const limited = await http.get('/api/v1/persons/me');
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '60']);
    expect((await service.admin.get('/api/v1/persons/me')).status).toBe(200);
    expect((await nobody.get('/health/ready')).status).toBe(200);

    service.clock.advance(60_000);
    expect((await http.get('/api/v1/persons/me')).status).toBe(200);
    expect((await stranger.get('/api/v1/persons/me')).status).toBe(401);
  });

  it('are counted also where they come all at once, and a good token that does so is let in', async () => {
    service.clock.advance(60_000);
    const { secret, http } = await service.newcomer({ name: 'Hasty', role: 'viewer' });
    const crowd = (callers: readonly HttpCaller[]) =>
      Promise.all(callers.map(async (one) => (await one.get('/api/v1/persons/me')).status));
    expect(new Set(await crowd(Array<HttpCaller>(60).fill(http)))).toEqual(new Set([200]));
    const guesses = Array.from({ length: 100 }, (_, guess) =>
      nobody.as(secret.slice(0, 40) + String(guess).padStart(7, '0')),
    );
    const statuses = await crowd(guesses);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(80);
  });

  it('are counted only where a token was sent', async () => {
    service.clock.advance(60_000);
    for (let attempt = 0; attempt < 30; attempt += 1) {
      expect((await nobody.get('/api/v1/persons/me')).status).toBe(401);
    }
  });
});
