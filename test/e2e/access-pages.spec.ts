import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { encodeCursor } from '../../src/platform/http/page.js';
import { routesOf, type OpenApiDocument, type Route } from '../support/openapi-check.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import { answerOf, listsOf, pagesOf, records } from './pages.js';

let service: TestService;
let document: OpenApiDocument;
let gets: Route[];
beforeAll(async () => {
  const { shops } = configSchema.parse({
    shops: ['north', 'south', 'west'].map((id) => {
      const url = `postgresql://nobody@127.0.0.1:1/${id}`;
      return { id, name: id, profile: 'sample-shop', postgres: { replicate: url, read: url } };
    }),
  });
  service = await startTestService({ clock: new ManualClock(testStart), settings: { shops } });
  const { body } = await service.admin.get('/api/openapi.json');
  document = body as unknown as OpenApiDocument;
  gets = routesOf(document).filter(({ method }) => method === 'get');
});
afterAll(() => service.stop());

/** What a GET answers that is no JSON. */
const others: Readonly<Record<string, string>> = {
  '/metrics': 'text for Prometheus',
  '/api/v1/runbooks/{name}': 'Markdown',
  '/api/v1/restore-plans/{id}.sql': 'a script',
  '/api/v1/restore-runs/{id}/events': 'server-sent events',
  '/api/v1/shops/{shop}/attach.sql': 'a script',
  '/api/v1/shops/{shop}/observation/events': 'server-sent events',
};

const pathsOf = (routes: readonly Route[]) => routes.map(({ path }) => path).sort();
const lists = () => listsOf(document);

describe('the document', () => {
  it('describes the answer of every GET that is not named here', () => {
    const without = gets.filter((route) => answerOf(route) === undefined);
    expect(pathsOf(without)).toEqual(Object.keys(others).sort());
  });

  it('gives every list a cursor and a limit, and one shape', () => {
    expect(pathsOf(lists()).length).toBeGreaterThan(15);
    for (const route of lists()) {
      const asked = (route.operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'query')
        .map(({ name, schema }) => [name, schema]);
      expect([route.path, Object.fromEntries(asked)]).toEqual([
        route.path,
        expect.objectContaining({
          limit: expect.objectContaining({ type: 'integer', minimum: 1, maximum: 500 }),
          cursor: expect.objectContaining({ type: 'string' }),
        }),
      ]);
      expect([route.path, Object.keys(answerOf(route)?.properties ?? {}).sort()]).toEqual([
        route.path,
        ['items', 'nextCursor'],
      ]);
    }
  });

  it('still has the records that are named here as no lists', () => {
    expect(pathsOf(gets)).toEqual(expect.arrayContaining(Object.keys(records)));
  });
});

describe('a list', () => {
  const foreign = ['abc', '', encodeCursor({ at: 'never', id: 'x' }), encodeCursor('a\u0000b')];

  it.each(['limit=0', 'limit=501', 'limit=x'])('refuses %s and names the field', async (query) => {
    for (const path of pathsOf(lists()).filter((one) => !one.includes('{'))) {
      const { status, body } = await service.admin.get(`${path}?${query}`);
      expect([path, status, body['fields']]).toEqual([
        path,
        400,
        [expect.objectContaining({ field: 'limit' })],
      ]);
    }
  });

  it('refuses a cursor of another list and names the field', async () => {
    for (const path of pathsOf(lists()).filter((one) => !one.includes('{'))) {
      for (const cursor of foreign) {
        const { status, body } = await service.admin.get(`${path}?cursor=${cursor}`);
        expect([path, cursor, status, body['fields']]).toEqual([
          path,
          cursor,
          400,
          [expect.objectContaining({ field: 'cursor' })],
        ]);
      }
    }
  });

  it('of persons, of tokens and of shops comes page by page, and nothing is missed or doubled', async () => {
    const { personId } = await service.newcomer({
      name: 'Ann "the \u{1F600}" Ngô',
      role: 'viewer',
    });
    await service.newcomer({ name: 'Bo', role: 'viewer' });
    // within one moment of the clock, which stands still, the id decides
    for (const label of ['b', 'c'])
      await service.admin.post(`/api/v1/persons/${personId}/tokens`, { role: 'viewer', label });
    for (const [path, count] of [
      ['/api/v1/persons', 3],
      [`/api/v1/persons/${personId}/tokens`, 3],
      ['/api/v1/shops', 3],
    ] as const) {
      const whole = (await service.admin.get(path)).body;
      expect([path, whole]).toMatchObject([path, { nextCursor: null }]);
      expect(whole['items']).toHaveLength(count);
      for (const limit of [1, 2])
        expect(await pagesOf(service.admin, path, limit)).toEqual(whole['items']);
    }
  });
});
