import { join } from 'node:path';
import { SHOP_SERVER_SETTINGS } from '../../demo/shop/database.js';
import {
  removeLocalPostgres,
  startLocalPostgres,
  type LocalPostgres,
} from '../../local-postgres/local-postgres.js';
import type { BenchContext } from '../figure.js';
import type { Endings } from './endings.js';

/** As the product's own server is started, but for checkpoints, which would fall into one repetition or another. */
const ownSettings = { max_connections: '60', max_wal_size: '8GB', checkpoint_timeout: '1h' };

const shopSettings = {
  ...SHOP_SERVER_SETTINGS,
  max_connections: '100',
  max_slot_wal_keep_size: '16GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
};

type Place = Pick<BenchContext, 'directory' | 'endings'>;

/** A PostgreSQL server of Reinstate's own. */
export async function startOwnServer({ directory, endings }: Place): Promise<LocalPostgres> {
  return startServer(join(directory, 'own'), ownSettings, endings);
}

/** The shop's PostgreSQL server. */
export async function startShopServer({ directory, endings }: Place): Promise<LocalPostgres> {
  return startServer(join(directory, 'shop'), shopSettings, endings);
}

/** A server of its own settings, ended and removed with the bench. */
export async function startServer(
  dataDirectory: string,
  settings: Record<string, string>,
  endings: Endings,
): Promise<LocalPostgres> {
  const server = await startLocalPostgres({ dataDirectory, settings });
  endings.add(() => removeLocalPostgres(dataDirectory));
  // what is in it is not wanted any more
  endings.add(() => server.stop('immediate'));
  return server;
}
