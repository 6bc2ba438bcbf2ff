import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import {
  createApplicationCredential,
  createReinstateCredentials,
  createShopDatabase,
  type ReinstateCredentials,
  type ShopDatabase,
} from '../../demo/shop/database.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import { findFreePort } from '../../local-postgres/free-port.js';
import { removeLocalPostgres } from '../../local-postgres/local-postgres.js';
import { findPlaces } from '../../local-postgres/placement.js';
import { startService, type RunningService } from '../../src/bootstrap.js';
import { configSchema, type Config } from '../../src/config/config.schema.js';
import { AheadClock } from '../support/ahead-clock.js';
import { callerOf, type HttpCaller } from '../support/http-caller.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { placePaidOrder, seedShop } from '../support/shop-orders.js';
import { done, idOf, until } from './followed-shop.js';

const run = promisify(execFile);

/** The service with a PostgreSQL of its own, whose files are copied while it is stopped, and put back. */
describe('Reinstate’s own database, set back to a copy of its files', () => {
  let directory: string;
  let backup: string;
  let config: Config;
  let clock: AheadClock;
  let service: RunningService | undefined;
  let admin: HttpCaller;
  let shop: ShopDatabase;
  let credentials: ReinstateCredentials;
  let application: pg.Pool;
  let shopId: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reinstate-backup-'));
    backup = await mkdtemp(join(tmpdir(), 'reinstate-copy-'));
    clock = new AheadClock();
    const suffix = randomBytes(5).toString('hex');
    shopId = `web-${suffix}`;
    shop = await createShopDatabase(testServerUrl('postgres'), `shop_${suffix}`);
    credentials = await createReinstateCredentials(shop);
    application = new pg.Pool({
      connectionString: await createApplicationCredential(shop),
      max: 2,
    });
    await withClient(shop.url, seedShop);
    const { replicate, read, write } = credentials;
    config = configSchema.parse({
      http: { port: await findFreePort() },
      data_directory: directory,
      log_level: 'error',
      shops: [
        {
          ...{ id: shopId, name: 'Web shop', profile: 'sample-shop' },
          ...{ postgres: { replicate, read, write }, restore: { approvals: 0 } },
        },
      ],
    });
    const first = await start();
    admin = await callerOf(first.url, first.firstToken ?? '');
  });

  afterEach(async () => {
    await service?.stop();
    await application.end();
    await removeLocalPostgres(cluster());
    for (const path of [directory, backup]) await rm(path, { recursive: true, force: true });
    await withClient(shop.url, (client) =>
      client.query(
        'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()',
      ),
    );
    await withClient(testServerUrl('postgres'), (client) =>
      client.query(`DROP DATABASE ${new URL(shop.url).pathname.slice(1)} WITH (FORCE)`),
    );
  });

  const cluster = () => join(directory, 'postgres');

  async function start(): Promise<RunningService> {
    const say = () => undefined;
    const lost = (error: Error) => {
      throw error;
    };
    service = await startService({ config, directory }, { clock, say, lost });
    return service;
  }

  async function stop(): Promise<void> {
    await service?.stop();
    service = undefined;
  }

  /** Where the files are: elsewhere than asked for where root runs it below a directory of its own. */
  async function files(): Promise<string> {
    const [place] = await findPlaces(cluster());
    if (place === undefined) throw new Error('there is no cluster');
    return place;
  }

  const shopPath = (rest: string) => `/api/v1/shops/${shopId}${rest}`;
  const status = () => done(admin.get(shopPath('/status')));
  const streaming = () =>
    until('the shop to be followed', async () => {
      const { state, gap } = await status();
      return state === 'streaming' && (gap ?? null) === null ? true : undefined;
    });
  const buy = () =>
    inTransaction(application, (tx) => placePaidOrder(tx, [{ productId: 2, quantity: 1 }]));
  const cancel = (orderId: string, name: string) =>
    inTransaction(application, (tx) =>
      cancelOrder(tx, { orderId, actor: { kind: 'job', name }, reason: 'unpaid' }),
    );
  const journalOf = async (orderId: string) => {
    const answer = await admin.get(shopPath(`/orders/${orderId}/journal?by=id&limit=100`));
    // not heard of yet
    if (answer.status === 404) return [];
    const { items } = await done(Promise.resolve(answer));
    return (items as { kinds: string[] }[]).map(({ kinds }) => kinds.join());
  };
  const heard = (orderId: string, kind: string) =>
    until(`${kind} of ${orderId}`, async () =>
      (await journalOf(orderId)).includes(kind) ? true : undefined,
    );
  const shopState = async () =>
    withClient(shop.url, async (client) => {
      const orders = await client.query(
        `SELECT id, status, total_minor, version FROM shop.orders ORDER BY id`,
      );
      const stock = await client.query('SELECT product_id, allocated FROM shop.stock ORDER BY 1');
      return [orders.rows, stock.rows];
    });

  /** A plan for what the job did, with nobody else to ask. */
  async function planned(job: string, count: number): Promise<string> {
    const declared = await done(
      admin.post('/api/v1/incidents', {
        ...{ shop: shopId, since: new Date(Date.now() - 600_000).toISOString() },
        ...{ filter: { actor: job }, reason: 'customers call' },
      }),
    );
    const incident = `/api/v1/incidents/${idOf(declared)}`;
    clock.advance(30_000);
    await until('verdicts', async () => {
      const { cases } = await done(admin.get(incident));
      const { byVerdict } = cases as { byVerdict: Record<string, number> };
      return byVerdict['wrongful'] === count ? true : undefined;
    });
    await until('the harm to have stopped', async () => {
      if ((await done(admin.get(`${incident}/bleeding`)))['bleeding'] === false) return true;
      clock.advance(1_000);
      return undefined;
    });
    return idOf(await done(admin.post(`${incident}/restore-plans`, undefined)));
  }

  async function ranToItsEnd(plan: string): Promise<Record<string, unknown>> {
    const path = `/api/v1/restore-plans/${plan}/runs`;
    const id = idOf(await done(admin.post(path, undefined)));
    return until('the run to end', async () => {
      const shown = await done(admin.get(`/api/v1/restore-runs/${id}`));
      clock.advance(500);
      return ['finished', 'stopped'].includes(String(shown['state'])) ? shown : undefined;
    });
  }

  it('goes on with a gap: what it missed is never passed over, and what it forgot is never done twice', async () => {
    await done(admin.post(shopPath('/attach'), { credential: credentials.attach }));
    await streaming();
    await done(admin.post(shopPath('/arm'), undefined));
    const [first, second, third, fourth] = [await buy(), await buy(), await buy(), await buy()];
    for (const orderId of [first, second]) await cancel(orderId, 'night-job');
    for (const orderId of [first, second]) await heard(orderId, 'cancelled');
    const plan = await planned('night-job', 2);

    await stop();
    await run('cp', ['-a', await files(), join(backup, 'postgres')]);
    await start();

    await streaming();
    const restored = await ranToItsEnd(plan);
    expect(restored).toMatchObject({ state: 'finished' });
    await cancel(third, 'other-job');
    await heard(third, 'cancelled');
    const before = await shopState();
    await stop();
    const place = await files();
    await rm(place, { recursive: true });
    await run('cp', ['-a', join(backup, 'postgres'), place]);
    await start();

    // the token, the plan and the journal are those of the copy
    await streaming();
    await heard(third, 'gap');
    // never silently missed: orders that changed meanwhile say so, and the newest of them is not guessed
    expect((await journalOf(third)).filter((kind) => kind === 'cancelled')).toEqual([]);
    for (const orderId of [first, second]) expect(await journalOf(orderId)).toContain('gap');
    expect(await journalOf(fourth)).not.toContain('gap');
    // never doubled: the plan of before finds its orders restored
    const path = `/api/v1/restore-plans/${plan}/runs`;
    const again = await admin.post(path, undefined);
    if (again.status < 300) {
      const id = idOf(again.body);
      await until('the run to end', async () => {
        const shown = await done(admin.get(`/api/v1/restore-runs/${id}`));
        clock.advance(500);
        return shown['state'] === 'running' ? undefined : true;
      });
    }
    expect(await shopState()).toEqual(before);
    await cancel(fourth, 'third-job');
    await heard(fourth, 'cancelled');
  });
});
