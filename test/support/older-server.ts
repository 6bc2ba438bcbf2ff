import type pg from 'pg';

/** The server says that it is an older one, which neither flushes within a transaction nor ends one that takes too long. */
export function beforeSeventeen(client: pg.PoolClient): pg.PoolClient {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  client.query = ((asked: unknown, ...rest: unknown[]) => {
    const { text } = asked as { text?: string };
    return query(text === undefined ? asked : { ...(asked as object), text: older(text) }, ...rest);
  }) as typeof client.query;
  return client;
}

function older(text: string): string {
  return text
    .replace(`current_setting('server_version_num')`, `'160000'`)
    .replace(`'transaction_timeout'`, `'reinstate.not_known_yet'`);
}
