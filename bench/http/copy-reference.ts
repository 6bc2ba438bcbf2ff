import { join } from 'node:path';
import type { House } from '../setting/house.js';
import { toldShopId } from './events.js';

/** The journal's entries after this position. */
interface Entries {
  readonly after: number;
}

const file = 'bench-entries.copy';

/**
 * Seconds that PostgreSQL takes to COPY the very entries that the product wrote into an empty table of the journal's
 * columns and indexes: no program can write them down faster.
 */
export async function copySeconds(house: House, { after }: Entries): Promise<number> {
  const path = join(house.server.dataDirectory, file);
  const quoted = `'${path.replaceAll("'", "''")}'`;
  await house.query('DROP TABLE IF EXISTS bench_copy');
  // a partition: what is on the parent is on it, too
  await house.query('CREATE TABLE bench_copy (LIKE journal_entry INCLUDING ALL)');
  // COPY takes no parameters
  await house.query(
    `COPY (SELECT * FROM journal_entry WHERE shop_id = '${toldShopId}' AND position > ${after} ORDER BY position) TO ${quoted}`,
  );
  const begun = performance.now();
  await house.query(`COPY bench_copy FROM ${quoted}`);
  return (performance.now() - begun) / 1000;
}
