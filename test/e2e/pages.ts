import { expect } from '@jest/globals';
import type { HttpCaller } from '../support/http-caller.js';
import { routesOf, type OpenApiDocument, type Route } from '../support/openapi-check.js';

interface Schema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** What a GET answers with a list in it without being one: a record whose list is short by its nature. */
export const records: Readonly<Record<string, string>> = {
  '/api/v1/incidents/{id}/cases/{case}': 'the reasons of one verdict',
  '/api/v1/restore-plans/{id}': 'a plan shows the few persons who decided; /approvals pages them',
  '/api/v1/runbook-runs/{id}': 'a run shows its steps, 100 at most',
};

/** The JSON that a route answers with, by the API document. */
export function answerOf({ operation }: Route): Schema | undefined {
  return operation.responses?.['200']?.content?.['application/json']?.schema as Schema | undefined;
}

/** Every GET that answers with a list, by the API document. */
export function listsOf(document: OpenApiDocument): Route[] {
  return routesOf(document).filter(
    (route) => route.method === 'get' && isList(answerOf(route)) && !(route.path in records),
  );
}

function isList(schema: Schema | undefined): boolean {
  return (
    schema?.type === 'array' ||
    Object.values(schema?.properties ?? {}).some(
      ({ type, items }) => type === 'array' && items?.type !== 'string',
    )
  );
}

/** All items of a list, so many at a time. */
export async function pagesOf(http: HttpCaller, path: string, limit: number): Promise<unknown[]> {
  const items: unknown[] = [];
  let cursor: unknown = '';
  while (typeof cursor === 'string') {
    const query = `limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { status, body } = await http.get(`${path}?${query}`);
    expect([path, status]).toEqual([path, 200]);
    const page = body['items'] as unknown[];
    expect(page.length).toBeLessThanOrEqual(limit);
    items.push(...page);
    cursor = body['nextCursor'];
  }
  return items;
}
