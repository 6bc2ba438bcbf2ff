import type { ApiClient, ListAnswer } from './api-client.js';
import { refused } from './failures.js';
import { valueAt } from './output/column.js';

const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const number = /^#?(\d{1,15})$/;

type Resolver = (api: ApiClient, written: string) => Promise<string>;

/** How people may write an argument of that name, besides the id that the API takes. */
const resolvers: Readonly<Record<string, Resolver>> = {
  incident: incidentId,
  person: personId,
  plan: planId,
  run: runId,
  runbookRun: runbookRunId,
};

/** The arguments with ids in place of numbers and names. */
export async function withIds(
  api: ApiClient,
  args: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {};
  for (const [name, written] of Object.entries(args)) {
    const resolve = uuid.test(written) ? undefined : resolvers[name];
    resolved[name] = resolve === undefined ? written : await resolve(api, written);
  }
  return resolved;
}

/** The id of an incident by its number, `3` or `#3`. */
async function incidentId(api: ApiClient, written: string): Promise<string> {
  const wanted = number.exec(written)?.[1];
  if (wanted === undefined) return written;
  for await (const incident of itemsOf(api, '/incidents')) {
    if (valueAt(incident, 'number') === Number(wanted)) return String(valueAt(incident, 'id'));
  }
  throw refused(`there is no incident ${wanted}`);
}

/** A plan by its number, looked for from the newest incident on. */
async function planOfNumber(api: ApiClient, wanted: string): Promise<unknown> {
  for await (const incident of itemsOf(api, '/incidents')) {
    const path = `/incidents/${String(valueAt(incident, 'id'))}/restore-plans`;
    for await (const plan of itemsOf(api, path)) {
      if (valueAt(plan, 'number') === Number(wanted)) return plan;
    }
  }
  throw refused(`there is no restore plan ${wanted}`);
}

/** The id of a restore plan by its number. */
async function planId(api: ApiClient, written: string): Promise<string> {
  const wanted = number.exec(written)?.[1];
  return wanted === undefined ? written : String(valueAt(await planOfNumber(api, wanted), 'id'));
}

/** The id of a run by the number of its plan: a plan is run once. */
async function runId(api: ApiClient, written: string): Promise<string> {
  const wanted = number.exec(written)?.[1];
  if (wanted === undefined) return written;
  const id = valueAt(await planOfNumber(api, wanted), 'runId');
  if (typeof id === 'string') return id;
  throw refused(`plan ${wanted} was not started yet`);
}

/** The id of a runbook run by its number, looked for from the newest incident on. */
async function runbookRunId(api: ApiClient, written: string): Promise<string> {
  const wanted = number.exec(written)?.[1];
  if (wanted === undefined) return written;
  for await (const incident of itemsOf(api, '/incidents')) {
    const path = `/incidents/${String(valueAt(incident, 'id'))}/runbook-runs`;
    for await (const run of itemsOf(api, path)) {
      if (valueAt(run, 'number') === Number(wanted)) return String(valueAt(run, 'id'));
    }
  }
  throw refused(`there is no runbook run ${wanted}`);
}

/** The id of a person by name; `me` is who asks. */
export async function personId(api: ApiClient, written: string): Promise<string> {
  if (uuid.test(written)) return written;
  if (written === 'me') {
    return String(valueAt(await api.json({ method: 'GET', path: '/persons/me' }), 'personId'));
  }
  for await (const person of itemsOf(api, '/persons')) {
    if (valueAt(person, 'name') === written) return String(valueAt(person, 'id'));
  }
  throw refused(`there is no person or service named "${written}"`);
}

/** The id of a case by its order's number or id. */
export async function caseId(
  api: ApiClient,
  given: { incident: string; order: string },
): Promise<string> {
  const { incident, order } = given;
  const [found = ''] = await casesOfOrders(api, { incident, orders: [order] });
  return found;
}

/** The ids of an incident's cases by their orders' numbers or ids, in the same order. */
export async function casesOfOrders(
  api: ApiClient,
  given: { incident: string; orders: readonly string[] },
): Promise<string[]> {
  const ids = new Map<string, string>();
  for await (const one of itemsOf(api, `/incidents/${given.incident}/cases`)) {
    const id = String(valueAt(one, 'id'));
    ids.set(id, id).set(String(valueAt(one, 'orderId')), id);
    const orderNumber = valueAt(one, 'orderNumber');
    // the number that people know goes before an id that happens to be the same
    if (typeof orderNumber === 'string') ids.set(orderNumber, id);
  }
  return given.orders.map((order) => {
    const id = ids.get(order.trim());
    if (id === undefined) throw refused(`the order ${order} is not in this incident`);
    return id;
  });
}

/** The id of a run's item by its order's number or id. */
export async function runItemId(
  api: ApiClient,
  { run, order }: { run: string; order: string },
): Promise<string> {
  let byId: unknown;
  for await (const item of itemsOf(api, `/restore-runs/${run}/items`)) {
    if (valueAt(item, 'orderNumber') === order) return String(valueAt(item, 'id'));
    if (valueAt(item, 'orderId') === order) byId = valueAt(item, 'id');
  }
  if (typeof byId === 'string') return byId;
  throw refused(`the order ${order} is not in this run`);
}

/** Every item of a list, page by page as they are needed. */
export async function* itemsOf(api: ApiClient, path: string): AsyncGenerator {
  let cursor: string | undefined;
  do {
    const page = await api.json({ method: 'GET', path, query: { limit: 500, cursor } });
    const { items, nextCursor } = page as ListAnswer;
    yield* items;
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
}
