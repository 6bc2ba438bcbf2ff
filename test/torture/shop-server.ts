import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHOP_SERVER_SETTINGS } from '../../demo/shop/database.js';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { pause } from '../../demo/story/waiting.js';

const settings = {
  ...SHOP_SERVER_SETTINGS,
  max_connections: '100',
  // a reader that does not answer any more is given up soon: else nobody takes over from it
  wal_sender_timeout: '3s',
  // what nobody has asked to be on disk is lost when the server is killed
  wal_writer_delay: '10s',
};

/** The shop's PostgreSQL server, which can be killed. */
export class ShopServer {
  private constructor(
    private readonly postgres: LocalPostgres,
    private readonly directory: string,
  ) {}

  static async start(): Promise<ShopServer> {
    const directory = await mkdtemp(join(tmpdir(), 'reinstate-torture-shop-'));
    const postgres = await startLocalPostgres({ dataDirectory: directory, settings });
    return new ShopServer(postgres, directory);
  }

  url(database?: string): string {
    return this.postgres.url(database);
  }

  /** kill -9 of the whole server; what it had not written down is gone. */
  async kill(): Promise<void> {
    const file = join(this.postgres.dataDirectory, 'postmaster.pid');
    const [pid] = (await readFile(file, 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
    while (await this.postgres.runs()) await pause(20);
  }

  async revive(): Promise<void> {
    await this.postgres.revive();
  }

  async end(): Promise<void> {
    await this.postgres.stop('immediate');
    for (const place of [this.postgres.dataDirectory, this.directory])
      await rm(place, { recursive: true, force: true });
  }
}
