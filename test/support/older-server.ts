import type pg from 'pg';
import type { Statement } from '../../src/shops/postgres/sql-text.js';

/** The server says that it is an older one, which neither flushes within a transaction nor ends one that takes too long. */
export function beforeSeventeen(client: pg.PoolClient): pg.PoolClient {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  client.query = ((asked: unknown, ...rest: unknown[]) => {
    const given = (asked as { given?: { statements: readonly Statement[] } }).given;
    if (given !== undefined) Reflect.set(asked as object, 'given', older(given));
    return query(asked, ...rest);
  }) as typeof client.query;
  return client;
}

function older<T extends { readonly statements: readonly Statement[] }>(given: T): T {
  const statements = given.statements.map(({ text, values }) => ({
    text: text.replace(`current_setting('server_version_num')`, `'160000'`),
    values,
  }));
  return { ...given, statements };
}
