import pg from 'pg';
import {
  createReinstateCredentials,
  createShopDatabase,
  type ReinstateCredentials,
} from '../../demo/shop/database.js';
import { until } from '../../demo/story/waiting.js';
import type { LocalPostgres } from '../../local-postgres/local-postgres.js';
import type { Endings } from './endings.js';
import type { House } from './house.js';
import { cancelProcedure, goodsSql, ordersSql } from './shop-sql.js';

/** The shop's id in the configuration. */
export const shopId = 'bench';

const products = 400;

export interface OrderRange {
  readonly first: number;
  readonly count: number;
}

export interface Placing extends OrderRange {
  /** the orders were placed evenly over so many days before now; 0: all now */
  readonly overDays?: number;
}

export interface ShopPlace {
  readonly server: LocalPostgres;
  readonly database: string;
  readonly endings: Endings;
}

/** A sample shop with as many orders as wanted, made by SQL, and without the demo's write log. */
export class BenchShop {
  private constructor(
    /** its database, as the superuser */
    readonly pool: pg.Pool,
    readonly url: string,
    readonly credentials: ReinstateCredentials,
  ) {}

  static async open({ server, database: name, endings }: ShopPlace): Promise<BenchShop> {
    const database = await createShopDatabase(server.url(), name);
    const credentials = await createReinstateCredentials(database);
    const pool = new pg.Pool({ connectionString: database.url, max: 8 });
    pool.on('error', () => undefined);
    endings.add(() => pool.end());
    // the demo's proof needs it; a shop has none
    await pool.query('DROP SCHEMA audit CASCADE');
    await pool.query(goodsSql, [products]);
    await pool.query(cancelProcedure);
    return new BenchShop(pool, database.url, credentials);
  }

  /** The shop as the configuration has it. */
  config(restore: object = {}): object {
    const { replicate, read, write } = this.credentials;
    const postgres = { replicate, read, write };
    return { id: shopId, name: 'Bench shop', profile: 'sample-shop', postgres, restore };
  }

  /** Paid orders of three lines, each of a customer of its own, in one transaction. */
  async place({ first, count, overDays = 0 }: Placing): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const given = [first, first + count - 1, products, overDays * 86_400];
      for (const { sql, values } of ordersSql(given)) await client.query(sql, values);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }

  /** The job cancels the orders, each in a transaction of its own, which is on disk once it has committed. */
  async cancelAll({ first, count }: OrderRange, job: string): Promise<void> {
    await this.pool.query('CALL bench.cancel($1, $2, $3)', [first, first + count - 1, job]);
  }

  /** Brings Reinstate to follow this shop. */
  async follow(house: House, { timeoutMs = 600_000 } = {}): Promise<void> {
    const admin = await house.as('admin');
    await admin.post(`/shops/${shopId}/attach`, { credential: this.credentials.attach });
    const streams = async () =>
      (await admin.get<{ state: string }>(`/shops/${shopId}/status`)).state === 'streaming';
    await until('the shop to be followed', async () => (await streams()) || undefined, {
      timeoutMs,
      everyMs: 250,
    });
  }

  /** Plans are made well with what the server knows of its tables. */
  async analyze(): Promise<void> {
    await this.pool.query('VACUUM ANALYZE');
  }
}
