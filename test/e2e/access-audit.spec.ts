import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeCursor } from '../../src/platform/http/page.js';
import type { Answer } from '../support/http-caller.js';
import { routesOf, type OpenApiDocument } from '../support/openapi-check.js';
import { done, FollowedShop, idOf, until, type Staff } from './followed-shop.js';
import { listsOf, pagesOf } from './pages.js';

/** Routes that change nothing although they are no GET, or leave another record that nobody can change. */
const withoutChange: Readonly<Record<string, string>> = {
  'post /api/v1/shops/{shop}/check': 'proves the profile on the live shop; it only reads',
  'post /api/v1/runbooks/lint': 'says what is wrong with a text',
  'post /api/v1/order-events':
    'the journal has what was told, and each event’s key has who told it',
};

const readings: Readonly<Record<string, object>> = {
  'post /api/v1/shops/{shop}/check': {},
  'post /api/v1/runbooks/lint': { name: 'Nothing', text: '# Nothing' },
};

/** Routes that start something: repeated under the same key, they answer as before and do nothing. */
const starting = [
  'post /api/v1/announcements',
  'post /api/v1/changes',
  'post /api/v1/incidents',
  'post /api/v1/incidents/{id}/comment',
  'post /api/v1/incidents/{id}/restore-plans',
  'post /api/v1/incidents/{id}/runbook-runs',
  'post /api/v1/persons',
  'post /api/v1/restore-plans/{id}/runs',
  'post /api/v1/restore-runs/{id}/retry',
  'post /api/v1/restore-runs/{id}/undo',
];

interface Deed {
  /** method and path as the API document has them */
  readonly route: string;
  readonly who: keyof Staff;
  readonly params?: () => Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: () => unknown;
  /** what the audit says of it: the deed, and what it was done to */
  readonly action: string;
  /** what it says before that, of a deed that no transaction of ours holds */
  readonly intent?: string;
  readonly on: (answer: Record<string, unknown>) => readonly [kind: string, id: string];
  readonly before?: () => Promise<unknown>;
  readonly after?: (answer: Record<string, unknown>) => unknown;
}

let scene: FollowedShop;
/** ids that one deed makes and a later one is about */
const known: Record<string, string> = {};
const idNamed = (name: string): string => known[name] ?? `no ${name} yet`;
const keep = (name: string) => (answer: Record<string, unknown>) => {
  known[name] = idOf(answer);
};

beforeAll(async () => {
  // many lock time-outs are part of this story, and no reason to stop
  scene = await FollowedShop.open({ stop_at_lock_timeouts: 1_000, stop_at_failure_rate: 1 });
});
afterAll(async () => {
  await release?.();
  await scene.close();
});

let release: (() => Promise<void>) | undefined;
const hold = async () => {
  release = await scene.holdOrders();
};
const letGo = async () => {
  await release?.();
  release = undefined;
};

const shop = () => ({ shop: scene.shopId });
const onShop = () => ['shop', scene.shopId] as const;
const person = () => ({ id: idNamed('person') });
const onPerson = () => ['person', idNamed('person')] as const;
const incident = () => ({ id: idNamed('incident') });
const onIncident = () => ['incident', idNamed('incident')] as const;
const plan = () => ({ id: idNamed('plan') });
const onPlan = () => ['restore-plan', idNamed('plan')] as const;
const run = () => ({ id: idNamed('run') });
const runbookRun = () => ({ id: idNamed('runbookRun') });
const onRunbookRun = () => ['runbook-run', idNamed('runbookRun')] as const;
const onRun = () => ['restore-run', idNamed('run')] as const;
const onNew = (kind: string) => (answer: Record<string, unknown>) => [kind, idOf(answer)] as const;
const because = () => ({ reason: 'a test of the audit' });

const persons = '/api/v1/persons';
const shops = '/api/v1/shops/{shop}';
const incidents = '/api/v1/incidents';
const runs = '/api/v1/restore-runs/{id}';
const runbookRuns = '/api/v1/runbook-runs/{id}';

/** What people may do, in the order of one night; each deed once. */
const deeds: readonly Deed[] = [
  {
    ...{ route: `post ${persons}`, who: 'admin', action: 'person.created', on: onNew('person') },
    body: () => ({ name: 'Newcomer' }),
    after: keep('person'),
  },
  {
    ...{ route: `post ${persons}/{id}/tokens`, who: 'admin', action: 'token.issued' },
    ...{ params: person, on: onPerson, body: () => ({ role: 'viewer', label: 'laptop' }) },
    after: (answer) => keep('token')(answer['token'] as Record<string, unknown>),
  },
  {
    ...{ route: `delete ${persons}/{id}/tokens/{token}`, who: 'admin', action: 'token.revoked' },
    ...{ params: () => ({ ...person(), token: idNamed('token') }), on: onPerson },
  },
  {
    ...{ route: `delete ${persons}/{id}`, who: 'admin', action: 'person.disabled' },
    ...{ params: person, on: onPerson },
  },
  {
    ...{ route: `post ${shops}/attach`, who: 'admin', action: 'shop.attached' },
    intent: 'shop.attach-requested',
    ...{ params: shop, on: onShop, body: () => ({ credential: scene.credentials.attach }) },
    after: () => scene.streaming(),
  },
  {
    ...{ route: `post ${shops}/arm`, who: 'admin', action: 'shop.armed' },
    ...{ params: shop, on: onShop },
  },
  {
    ...{ route: `post ${shops}/disarm`, who: 'robin', action: 'shop.disarmed' },
    ...{ params: shop, on: onShop },
    after: () => done(scene.staff.admin.post(`/api/v1/shops/${scene.shopId}/arm`, undefined)),
  },
  {
    ...{ route: `post ${shops}/stop`, who: 'robin', action: 'shop.stopped' },
    ...{ params: shop, on: onShop, body: because },
  },
  {
    ...{ route: `post ${shops}/resume`, who: 'alex', action: 'shop.resumed' },
    ...{ params: shop, on: onShop },
  },
  {
    ...{ route: 'post /api/v1/changes', who: 'robin', action: 'change.recorded' },
    ...{ on: onNew('change'), body: () => ({ what: 'checkout 8.4.1', kind: 'deploy' }) },
  },
  {
    ...{ route: 'post /api/v1/announcements', who: 'robin', action: 'announcement.made' },
    on: onNew('announcement'),
    body: () => ({
      ...{ ...shop(), ...because(), filter: { actor: 'spring-cleaning' }, greatestCount: 5 },
      startsAt: new Date(Date.now() + 3_600_000).toISOString(),
      endsAt: new Date(Date.now() + 7_200_000).toISOString(),
    }),
    after: keep('announcement'),
  },
  {
    route: 'delete /api/v1/announcements/{id}',
    ...{ who: 'robin', action: 'announcement.withdrawn' },
    before: () => done(scene.staff.viewer.get(`/api/v1/announcements/${idNamed('announcement')}`)),
    params: () => ({ id: idNamed('announcement') }),
    on: () => ['announcement', idNamed('announcement')],
  },
  {
    ...{ route: `post ${incidents}`, who: 'robin', action: 'incident.declared' },
    on: onNew('incident'),
    before: () => scene.cancelled(3, 'job-a'),
    body: () => scene.declarationOf('job-a'),
    after: async (answer) => {
      keep('incident')(answer);
      await scene.judged(idOf(answer), 3);
    },
  },
  {
    ...{ route: `post ${incidents}/{id}/acknowledge`, who: 'robin', on: onIncident },
    ...{ action: 'incident.acknowledged', params: incident },
  },
  {
    ...{ route: `post ${incidents}/{id}/assign`, who: 'robin', on: onIncident },
    ...{ action: 'incident.assigned', params: incident, body: () => ({ personId: null }) },
    before: async () => {
      const { personId } = await done(scene.staff.kim.get(`${persons}/me`));
      const path = `${incidents}/${idNamed('incident')}/assign`;
      await done(scene.staff.kim.post(path, { personId }));
    },
  },
  {
    ...{ route: `post ${incidents}/{id}/comment`, who: 'robin', on: onIncident },
    ...{ action: 'incident.commented', params: incident, body: () => ({ text: 'looked' }) },
  },
  {
    ...{ route: `post ${incidents}/{id}/severity`, who: 'robin', on: onIncident },
    ...{ action: 'incident.severity-set', params: incident },
    body: () => ({ severity: 'critical', ...because() }),
  },
  {
    ...{ route: `post ${incidents}/{id}/cases/{case}/verdict`, who: 'robin' },
    ...{ action: 'case.judged', on: () => ['case', idNamed('case')] },
    before: async () => {
      const path = `${incidents}/${idNamed('incident')}/cases?limit=1`;
      const { items } = await done(scene.staff.viewer.get(path));
      known['case'] = (items as { id: string }[])[0]!.id;
    },
    params: () => ({ ...incident(), case: idNamed('case') }),
    body: () => ({ verdict: 'wrongful', ...because() }),
  },
  {
    ...{ route: `post ${incidents}/{id}/runbook-runs`, who: 'robin', params: incident },
    ...{ action: 'runbook-run.started', on: onNew('runbook-run') },
    body: () => ({ runbook: 'WrongfulCancellations' }),
    after: async (answer) => {
      keep('runbookRun')(answer);
      await askedFor('meant');
    },
  },
  {
    ...{ route: `post ${runbookRuns}/answer`, who: 'robin', params: runbookRun },
    ...{ action: 'runbook-run.answered', on: onRunbookRun },
    body: () => ({ step: 'meant', answer: 'no', reason: 'a test of the audit' }),
    after: () => askedFor('cause-stopped'),
  },
  {
    ...{ route: `post ${runbookRuns}/pause`, who: 'robin', params: runbookRun },
    ...{ action: 'runbook-run.paused', on: onRunbookRun },
  },
  {
    ...{ route: `post ${runbookRuns}/resume`, who: 'robin', params: runbookRun },
    ...{ action: 'runbook-run.resumed', on: onRunbookRun },
  },
  {
    ...{ route: `post ${runbookRuns}/abort`, who: 'robin', params: runbookRun },
    ...{ action: 'runbook-run.aborted', on: onRunbookRun, body: because },
  },
  {
    ...{ route: `post ${incidents}/{id}/restore-plans`, who: 'robin', params: incident },
    ...{ action: 'restore-plan.proposed', on: onNew('restore-plan') },
    after: (answer) => {
      keep('plan')(answer);
      known['hash'] = String(answer['hash']);
    },
  },
  {
    ...{ route: 'post /api/v1/restore-plans/{id}/approvals', who: 'alex', params: plan },
    ...{ action: 'restore-plan.approved', on: onPlan },
    body: () => ({ decision: 'approved', planHash: idNamed('hash') }),
  },
  {
    ...{ route: 'get /api/v1/restore-plans/{id}.sql', who: 'kim', params: plan },
    ...{ action: 'restore-plan.script-given', on: onPlan },
  },
  {
    ...{ route: 'post /api/v1/restore-plans/{id}/runs', who: 'robin', params: plan },
    ...{ action: 'restore-run.started', on: onNew('restore-run'), before: hold },
    after: keep('run'),
  },
  {
    ...{ route: `post ${runs}/pause`, who: 'robin', params: run, on: onRun },
    ...{ action: 'restore-run.paused', after: () => quiet() },
  },
  {
    ...{ route: `post ${runs}/items/{item}/settle`, who: 'alex', on: onRun },
    action: 'restore-run.item-settled',
    // the shop's server has forgotten the transaction, as after a fail-over: nobody knows what became of it
    before: async () => {
      const { items } = await done(
        scene.staff.viewer.get(`/api/v1/restore-runs/${idNamed('run')}/items`),
      );
      known['item'] = (items as { id: string }[])[0]!.id;
      await scene.asOwner(
        `UPDATE reinstate.restore_run_item SET state = 'unknown', reason = NULL, incarnation = '1/1', transaction_id = 5
         WHERE id = $1`,
        [idNamed('item')],
      );
    },
    params: () => ({ ...run(), item: idNamed('item') }),
    body: () => ({ outcome: 'not-applied', ...because() }),
  },
  {
    ...{ route: `post ${runs}/retry`, who: 'robin', params: run, on: onRun },
    action: 'restore-run.retried',
    after: () =>
      done(scene.staff.kim.post(`/api/v1/restore-runs/${idNamed('run')}/pause`, undefined)),
  },
  {
    ...{ route: `post ${runs}/resume`, who: 'robin', params: run, on: onRun },
    ...{ action: 'restore-run.resumed', after: letGo },
  },
  {
    ...{ route: `post ${runs}/undo`, who: 'robin', params: run, on: onNew('restore-plan') },
    ...{ action: 'restore-plan.proposed', before: () => ended('finished') },
    // carried out, so that the incident has two runs
    after: async (answer) => {
      const undo = { id: idOf(answer), hash: String(answer['hash']) };
      await scene.approve(undo);
      known['run'] = await scene.start(undo);
      await ended('finished');
    },
  },
  {
    ...{ route: `post ${runs}/stop`, who: 'robin', params: run, on: onRun, body: because },
    action: 'restore-run.stopped',
    before: async () => {
      const { plan: second } = await scene.approvedPlan(1, 'job-b');
      await hold();
      known['run'] = await scene.start(second);
    },
    after: letGo,
  },
  {
    ...{ route: `post ${incidents}/{id}/resolve`, who: 'robin', on: onIncident },
    ...{ action: 'incident.resolved', params: incident },
    // detection may have seen the job too, and its alert then still fires
    body: () => ({ ...because(), override: 'a test' }),
  },
  {
    ...{ route: `post ${incidents}/{id}/reopen`, who: 'robin', on: onIncident },
    ...{ action: 'incident.reopened', params: incident, body: because },
  },
  {
    route: `delete ${shops}/customers/{customer}/personal-data`,
    ...{ who: 'admin', action: 'personal-data.erased', query: 'reason=request%20118' },
    params: () => ({ ...shop(), customer: '4711' }),
    on: () => ['customer', `${scene.shopId}/4711`],
    before: () => keyOf('customer:4711'),
  },
  {
    route: `delete ${shops}/orders/{order}/personal-data`,
    ...{ who: 'admin', action: 'personal-data.erased', query: 'reason=request%20119' },
    params: () => ({ ...shop(), order: '90210' }),
    on: () => ['order', `${scene.shopId}/90210`],
    before: () => keyOf('order:90210'),
  },
  {
    ...{ route: `post ${shops}/detach`, who: 'admin', action: 'shop.detached' },
    intent: 'shop.detach-requested',
    ...{ params: shop, on: onShop, body: () => ({ credential: scene.credentials.attach }) },
  },
];

async function itemStates(): Promise<string[]> {
  const { items } = await done(
    scene.staff.viewer.get(`/api/v1/restore-runs/${idNamed('run')}/items`),
  );
  return (items as { state: string }[]).map(({ state }) => state);
}

/** Nothing is being written any more. */
async function quiet(): Promise<void> {
  await until('attempts to end', async () =>
    (await itemStates()).includes('attempting') ? undefined : true,
  );
}

async function ended(state: string): Promise<void> {
  await until(`the run to be ${state}`, async () => {
    const shown = await done(scene.staff.viewer.get(`/api/v1/restore-runs/${idNamed('run')}`));
    return shown['state'] === state ? true : undefined;
  });
}

/** The runbook's run has come to this question. */
async function askedFor(step: string): Promise<void> {
  await until(`the question "${step}"`, async () => {
    const path = `/api/v1/runbook-runs/${idNamed('runbookRun')}`;
    const shown = await done(scene.staff.viewer.get(path));
    return shown['step'] === step && shown['waitsFor'] === 'answer' ? true : undefined;
  });
}

async function keyOf(subject: string): Promise<void> {
  await scene.asOwner(
    `INSERT INTO reinstate.personal_key (shop_id, key_of, wrapped_key, created_at) VALUES ($1, $2, '\\x00', now())`,
    [scene.shopId, subject],
  );
}

/** A request for the deed, which may be made again as it was. */
function requestFor({ route, who, params, query, body }: Deed): () => Promise<Answer> {
  const [method = '', path = ''] = route.split(' ');
  const filled = Object.entries(params?.() ?? {}).reduce(
    (text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(value)),
    path,
  );
  expect(filled).not.toMatch(/[{}]/);
  const address = query === undefined ? filled : `${filled}?${query}`;
  const options = {
    ...(body && { body: body() }),
    ...(starting.includes(route) && { headers: { 'idempotency-key': `once: ${route}` } }),
  };
  return () => scene.staff[who].call(method.toUpperCase(), address, options);
}

async function isAnsweredAgain(request: () => Promise<Answer>, first: object): Promise<void> {
  const again = await request();
  expect([again.headers.get('idempotency-replayed'), again.body]).toEqual(['true', first]);
}

interface Entry {
  readonly id: number;
  readonly at: Date;
  readonly action: string;
  readonly kind: string;
  readonly subject: string;
}

/** What the audit says that came through this person's token, newest last. */
async function entriesOf(who: keyof Staff): Promise<Entry[]> {
  const { tokenId, personId } = await done(scene.staff[who].get(`${persons}/me`));
  return scene.service.database.database.query<Entry>(
    `SELECT id, at, action, subject_kind AS kind, subject_id AS subject FROM audit_entry
     WHERE token_id = $1 AND person_id = $2 ORDER BY id`,
    [tokenId, personId],
  );
}

describe('the audit', () => {
  it('has a row here for every route that is no GET', async () => {
    const document = (await scene.staff.admin.get('/api/openapi.json')).body;
    const changing = routesOf(document as unknown as OpenApiDocument)
      .filter(({ method }) => method !== 'get')
      .map(({ method, path }) => `${method} ${path}`);
    expect(changing.length).toBeGreaterThan(30);
    const told = deeds.map(({ route }) => route).filter((route) => !route.startsWith('get '));
    expect([...told, ...Object.keys(withoutChange)].sort()).toEqual(changing.sort());
  });

  it('is not doubled by a repetition: the routes that start something take a key, and no other', async () => {
    const document = (await scene.staff.admin.get('/api/openapi.json')).body;
    const keyed = routesOf(document as unknown as OpenApiDocument)
      .filter(({ operation }) =>
        operation.parameters?.some(
          (parameter) => parameter.in === 'header' && parameter.name === 'Idempotency-Key',
        ),
      )
      .map(({ method, path }) => `${method} ${path}`);
    expect(keyed.sort()).toEqual(starting);
  });

  it.each(deeds.map((deed): [string, Deed] => [deed.route, deed]))(
    'has one entry for a %s: who, what, on what, when',
    async (_route, deed) => {
      await deed.before?.();
      const earlier = await entriesOf(deed.who);
      const begun = scene.service.clock.now().getTime();
      const request = requestFor(deed);
      const answer = await done(request());
      const over = scene.service.clock.now().getTime();
      if (starting.includes(deed.route)) await isAnsweredAgain(request, answer);
      const added = (await entriesOf(deed.who)).slice(earlier.length);
      const [kind, subject] = deed.on(answer);
      const actions = deed.intent === undefined ? [deed.action] : [deed.intent, deed.action];
      expect(added.map(({ action, ...on }) => [action, on.kind, on.subject])).toEqual(
        actions.map((action) => [action, kind, subject]),
      );
      const at = added[0]!.at.getTime();
      expect(at).toBeGreaterThanOrEqual(begun);
      expect(at).toBeLessThanOrEqual(over);
      await deed.after?.(answer);
    },
  );

  it('says it to admins over HTTP, newest first, with the name of who did it', async () => {
    const { items } = await done(scene.staff.admin.get('/api/v1/audit?limit=500'));
    const entries = items as { action: string; person: string | null }[];
    for (const { action, who } of deeds) {
      const person = { admin: 'admin', robin: 'Robin', alex: 'Alex', kim: 'Kim', viewer: 'Vic' }[
        who
      ];
      expect(entries).toContainEqual(expect.objectContaining({ action, person }));
    }
    expect(entries.every(({ action }) => /^[a-z-]+\.[a-z-]+$/.test(action))).toBe(true);
    expect(entries.at(-1)?.action).toBe('person.created');
  });

  it('has nothing of what only reads', async () => {
    const earlier = await entriesOf('robin');
    for (const route of Object.keys(readings))
      await done(
        requestFor({
          ...deeds[0]!,
          route,
          who: 'robin',
          params: shop,
          body: () => readings[route],
        })(),
      );
    expect(await entriesOf('robin')).toEqual(earlier);
  });
});

describe('the lists after such a night', () => {
  let paths: string[];
  beforeAll(async () => {
    const document = (await scene.staff.admin.get('/api/openapi.json')).body;
    const path = `${incidents}/${idNamed('incident')}/cases?limit=1`;
    const [one] = (await done(scene.staff.viewer.get(path)))['items'] as { orderId: string }[];
    const { personId } = await done(scene.staff.admin.get(`${persons}/me`));
    const ids = {
      persons: String(personId),
      incidents: idNamed('incident'),
      'restore-plans': idNamed('plan'),
      'restore-runs': idNamed('run'),
    };
    paths = listsOf(document as unknown as OpenApiDocument).map((route) =>
      Object.entries(ids)
        .reduce((text, [noun, id]) => text.replace(`/${noun}/{id}`, `/${noun}/${id}`), route.path)
        .replace('{shop}', scene.shopId)
        .replace('{order}', one!.orderId),
    );
    expect(paths.filter((path) => path.includes('{'))).toEqual([]);
  });

  it('come page by page, nothing missed and nothing doubled', async () => {
    const counts: Record<string, number> = {};
    for (const path of paths) {
      const whole = await done(scene.staff.admin.get(`${path}?limit=500`));
      const items = whole['items'] as unknown[];
      expect([path, whole['nextCursor']]).toEqual([path, null]);
      expect([path, await pagesOf(scene.staff.admin, path, 1)]).toEqual([path, items]);
      counts[path] = items.length;
    }
    // a list of one has no second page
    const runsOfIncident = `${incidents}/${idNamed('incident')}/restore-runs`;
    expect(counts[runsOfIncident]).toBe(2);
    expect(Object.values(counts).filter((count) => count > 1).length).toBeGreaterThan(10);
  });

  it('refuse a cursor that somebody made up, and name the field', async () => {
    for (const path of paths) {
      for (const made of [true, { at: 'never' }, 1e300, 'a\u0000b']) {
        const { status, body } = await scene.staff.admin.get(
          `${path}?cursor=${encodeCursor(made)}`,
        );
        expect([path, made, status, body['fields']]).toEqual([
          path,
          made,
          400,
          [expect.objectContaining({ field: 'cursor' })],
        ]);
      }
      // of the right form, but of nothing that there is
      for (const made of [Number.MAX_SAFE_INTEGER, -1]) {
        const { status } = await scene.staff.admin.get(`${path}?cursor=${encodeCursor(made)}`);
        expect([path, made, [200, 400].includes(status)]).toEqual([path, made, true]);
      }
    }
  });
});

describe('the API document after such a night', () => {
  /** Good answers that do not come here for certain. */
  const elsewhere = {
    'get /api/v1/alerts/{id}': 'incidents-http',
    'post /api/v1/order-events': 'intake-http',
    'get /api/v1/shops/{shop}/observation/events': 'shops-observe',
  };

  it('has no route whose good answer was not held against it', async () => {
    const { admin } = scene.staff;
    const path = `${incidents}/${idNamed('incident')}/cases`;
    const [one] = (await done(admin.get(path)))['items'] as { orderId: string }[];
    for (const asked of [
      ...['/health/live', '/health/ready', '/metrics', '/api/v1/runbooks/WrongfulCancellations'],
      ...[`/api/v1/shops/${scene.shopId}`, `/api/v1/shops/${scene.shopId}/attach.sql`],
      `/api/v1/shops/${scene.shopId}/orders/${one!.orderId}`,
      ...[`${path}/${idNamed('case')}`, `/api/v1/restore-plans/${idNamed('plan')}`],
      `/api/v1/restore-runs/${idNamed('run')}/events`,
      `/api/v1/runbook-runs/${idNamed('runbookRun')}`,
    ])
      await done(admin.get(asked));
    const { contract } = admin;
    const document = (await admin.get('/api/openapi.json')).body as unknown as OpenApiDocument;
    const without = routesOf(document)
      .map(({ method, path: template }) => `${method} ${template}`)
      .filter((route) => ![200, 201, 204].some((status) => contract.seen.has(`${route} ${status}`)))
      .filter((route) => !(route in elsewhere));
    expect(without).toEqual([]);
  });
});
