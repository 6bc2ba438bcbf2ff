import { Client } from 'pg';
import { superuser } from './cluster.js';
import { messageOf } from './failure.js';
import { loopback } from './free-port.js';

export interface Address {
  port: number;
  password: string;
}

/** The superuser's connection URL. */
export function connectionUrl(address: Address, database: string): string {
  const { port, password } = address;
  return `postgresql://${superuser}:${password}@${loopback}:${port}/${encodeURIComponent(database)}`;
}

/** Asks the server on this port which directory it serves; or tells why none lets us in. */
export async function askDataDirectory(
  address: Address,
): Promise<{ directory: string } | { why: string }> {
  const client = new Client({
    connectionString: connectionUrl(address, 'postgres'),
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return { directory: rows[0]?.data_directory ?? '' };
  } catch (error) {
    return { why: messageOf(error) };
  } finally {
    await client.end().catch(() => undefined);
  }
}
