import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HttpCaller } from '../support/http-caller.js';
import { routesOf, type OpenApiDocument } from '../support/openapi-check.js';
import { startTestService, type TestService } from '../support/service.js';

const shops = '/api/v1/shops/{shop}';
const order = `${shops}/orders/{order}`;
const incident = '/api/v1/incidents/{id}';
const plan = '/api/v1/restore-plans/{id}';
const run = '/api/v1/restore-runs/{id}';
const runbookRun = '/api/v1/runbook-runs/{id}';

/** Who comes in where a route asks for this; everybody else is refused. */
const comeIn = {
  nothing: ['viewer', 'responder', 'approver', 'admin', 'ingest', 'metrics'],
  viewer: ['viewer', 'responder', 'approver', 'admin'],
  responder: ['responder', 'approver', 'admin'],
  'responder or ingest': ['responder', 'approver', 'admin', 'ingest'],
  approver: ['approver', 'admin'],
  admin: ['admin'],
  metrics: ['admin', 'metrics'],
  ingest: ['admin', 'ingest'],
} as const;
type Asked = keyof typeof comeIn;

/** The least role of each route that the API document has. A new route needs its row here. */
const routes: Readonly<Record<Asked, readonly string[]>> = {
  nothing: ['get /health/live', 'get /health/ready'],
  viewer: [
    'get /api/v1/persons/me',
    ...['get /api/v1/alerts', 'get /api/v1/alerts/{id}', 'get /api/v1/pages'],
    ...['get /api/v1/runbooks', 'post /api/v1/runbooks/lint', `get ${runbookRun}`],
    `get ${incident}/runbook-runs`,
    ...['get /api/v1/runbooks/{name}', 'get /api/v1/findings', 'get /api/v1/changes'],
    ...['get /api/v1/announcements', 'get /api/v1/announcements/{id}'],
    ...['get /api/v1/shops', `get ${shops}`, `get ${shops}/status`],
    ...[`get ${order}`, `get ${order}/cases`, `get ${order}/journal`],
    ...['get /api/v1/incidents', `get ${incident}`, `get ${incident}/timeline`],
    ...[`get ${incident}/pages`, `get ${incident}/cases`, `get ${incident}/cases/{case}`],
    ...[`get ${incident}/restore-plans`, `get ${incident}/restore-runs`],
    `get ${incident}/bleeding`,
    ...[`get ${plan}`, `get ${plan}/items`, `get ${plan}/approvals`, `get ${plan}/runs`],
    ...[`get ${run}`, `get ${run}/items`, `get ${run}/events`],
  ],
  responder: [
    ...['post /api/v1/announcements', 'delete /api/v1/announcements/{id}'],
    ...[`post ${shops}/check`, `get ${shops}/observation/events`],
    ...[`post ${shops}/disarm`, `post ${shops}/stop`],
    ...['post /api/v1/incidents', `post ${incident}/acknowledge`, `post ${incident}/assign`],
    ...[`post ${incident}/comment`, `post ${incident}/severity`, `post ${incident}/resolve`],
    ...[`post ${incident}/reopen`, `post ${incident}/cases/{case}/verdict`],
    ...[`post ${incident}/restore-plans`, `post ${plan}/runs`],
    ...[`post ${run}/pause`, `post ${run}/resume`, `post ${run}/retry`],
    ...[`post ${run}/stop`, `post ${run}/undo`],
    ...[`post ${incident}/runbook-runs`, `post ${runbookRun}/answer`],
    ...[`post ${runbookRun}/pause`, `post ${runbookRun}/resume`, `post ${runbookRun}/abort`],
  ],
  'responder or ingest': ['post /api/v1/changes'],
  approver: [
    ...[`post ${plan}/approvals`, `get ${plan}.sql`],
    ...[`post ${run}/items/{item}/settle`, `post ${shops}/resume`],
  ],
  admin: [
    ...['get /api/v1/persons', 'post /api/v1/persons', 'delete /api/v1/persons/{id}'],
    ...['get /api/v1/persons/{id}/tokens', 'post /api/v1/persons/{id}/tokens'],
    ...['delete /api/v1/persons/{id}/tokens/{token}', 'get /api/v1/audit'],
    ...[`get ${shops}/attach.sql`, `post ${shops}/attach`, `post ${shops}/detach`],
    `post ${shops}/arm`,
    `delete ${shops}/customers/{customer}/personal-data`,
    `delete ${order}/personal-data`,
  ],
  metrics: ['get /metrics'],
  ingest: ['post /api/v1/order-events'],
};

const rows = (Object.keys(routes) as Asked[]).flatMap((asked) =>
  routes[asked].map((route): [string, Asked] => [route, asked]),
);

let service: TestService;
let callers: (readonly [role: string, http: HttpCaller])[];
beforeAll(async () => {
  service = await startTestService();
  callers = await Promise.all(
    comeIn.nothing.map(async (role) => {
      const { http } = await service.newcomer({ name: `a ${role}`, role });
      return [role, http] as const;
    }),
  );
});
afterAll(() => service.stop());

describe('the roles', () => {
  it('have a row here for every route of the API document', async () => {
    const { body } = await service.admin.get('/api/openapi.json');
    const documented = routesOf(body as unknown as OpenApiDocument);
    const names = documented.map(({ method, path }) => `${method} ${path}`);
    expect(rows.map(([route]) => route).sort()).toEqual(names.sort());
  });

  it.each(rows)('for %s: it asks for %s', async (route, asked) => {
    const [method = '', path = ''] = route.split(' ');
    // ids of nothing that there is: who comes in changes nothing
    const filled = path.replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000');
    const cameIn: string[] = [];
    for (const [role, http] of callers) {
      const { status, body } = await http.call(method.toUpperCase(), filled);
      if (status === 403) expect([role, body['code']]).toEqual([role, 'role-too-low']);
      else {
        expect([role, status, status < 500 && status !== 401]).toEqual([role, status, true]);
        cameIn.push(role);
      }
    }
    expect(cameIn).toEqual(comeIn[asked]);
  });
});
