import type { ApiClient, ListAnswer } from './api-client.js';
import { CliFailure, exitCodes } from './failures.js';
import { valueAt } from './output/column.js';

const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const number = /^#?(\d{1,15})$/;

type Resolver = (api: ApiClient, written: string) => Promise<string>;

/** How people may write an argument of that name, besides the id that the API takes. */
const resolvers: Readonly<Record<string, Resolver>> = {
  incident: incidentId,
  person: personId,
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
  throw new CliFailure(exitCodes.refused, `there is no incident ${wanted}`);
}

/** The id of a person by name; `me` is who asks. */
export async function personId(api: ApiClient, written: string): Promise<string> {
  if (uuid.test(written)) return written;
  if (written === 'me') {
    return String(valueAt(await api.json({ method: 'GET', path: '/persons/me' }), 'personId'));
  }
  const { items } = (await api.json({ method: 'GET', path: '/persons' })) as ListAnswer;
  const found = items.find((person) => valueAt(person, 'name') === written);
  if (found !== undefined) return String(valueAt(found, 'id'));
  throw new CliFailure(exitCodes.refused, `there is no person or service named "${written}"`);
}

/** The id of a case by its order's number or id. */
export async function caseId(
  api: ApiClient,
  given: { incident: string; order: string },
): Promise<string> {
  const { incident, order } = given;
  if (uuid.test(order)) return order;
  for await (const one of itemsOf(api, `/incidents/${incident}/cases`)) {
    if ([valueAt(one, 'orderNumber'), valueAt(one, 'orderId')].includes(order))
      return String(valueAt(one, 'id'));
  }
  throw new CliFailure(exitCodes.refused, `the order ${order} is not in this incident`);
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
