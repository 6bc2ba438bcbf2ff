import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSchema } from '../../src/config/config.schema.js';
import { SystemClock } from '../../src/platform/clock.js';
import { withClient } from '../support/postgres.js';
import { until } from '../support/replication-harness.js';
import { startTestService, type TestService } from '../support/service.js';
import {
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

/** What is done in the shop's own database is in no transaction of ours: the audit tells before and after. */
describe('the audit of attaching and detaching', () => {
  let shop: TestShop;
  let service: TestService;
  let directory: string;
  const at = '/api/v1/shops/main';

  beforeEach(async () => {
    shop = await createTestShop();
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
    directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
    const profile = join(directory, 'test-shop.yaml');
    await writeFile(profile, testShopProfileText);
    const { replicate, read } = shop.credentials;
    const { shops } = configSchema.parse({
      shops: [{ id: 'main', name: 'Main shop', profile, postgres: { replicate, read } }],
    });
    service = await startTestService({ clock: new SystemClock(), settings: { shops } });
  });

  afterEach(async () => {
    await service.stop();
    await shop.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const status = async () => (await service.admin.get(`${at}/status`)).body;
  const attach = () => service.admin.post(`${at}/attach`, { credential: shop.credentials.attach });
  const detach = (given: Record<string, unknown> = {}) => service.admin.post(`${at}/detach`, given);
  const slots = () =>
    shop.query('SELECT FROM pg_replication_slots WHERE database = current_database()');

  const audited = async () => {
    const rows = await service.database.database.query<{ action: string; data: unknown }>(
      `SELECT action, data FROM audit_entry WHERE subject_kind = 'shop' ORDER BY id`,
    );
    return rows.map(({ action, data }) => [action, data]);
  };

  /** From now on our own database does not take these actions into its audit; gives what ends it. */
  async function refuse(...actions: readonly string[]): Promise<() => Promise<void>> {
    const run = (sql: string) =>
      withClient(service.database.url, async (client) => {
        await client.query(sql);
      });
    await run(
      `CREATE OR REPLACE FUNCTION reinstate.fail() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'cut off'; END $$;
       CREATE TRIGGER cut_off BEFORE INSERT ON reinstate.audit_entry FOR EACH ROW
       WHEN (NEW.action IN (${actions.map((action) => `'${action}'`).join(', ')}))
       EXECUTE FUNCTION reinstate.fail()`,
    );
    return () => run('DROP TRIGGER cut_off ON reinstate.audit_entry');
  }

  it('tells what was asked for, and what came of it', async () => {
    expect((await attach()).status).toBe(200);
    await until('streaming', async () => (await status())['state'] === 'streaming');
    expect((await attach()).status).toBe(200);
    expect((await detach()).status).toBe(200);
    expect((await detach()).status).toBe(409);
    const asked = { withCredential: true, allowUnboundedWal: false };
    expect(await audited()).toEqual([
      ['shop.attach-requested', asked],
      ['shop.attached', {}],
      ['shop.attach-requested', asked],
      ['shop.attached', {}],
      ['shop.detach-requested', { withCredential: false, forget: false }],
      ['shop.detached', { forgotten: false }],
      ['shop.detach-requested', { withCredential: false, forget: false }],
      ['shop.detach-failed', { code: 'shop-not-attached' }],
    ]);
  });

  it('no shop is attached without its entry: cut off before that, all is taken back', async () => {
    const mend = await refuse('shop.attached');
    expect((await attach()).status).toBe(500);
    expect(await audited()).toEqual([
      ['shop.attach-requested', expect.anything()],
      ['shop.attach-failed', { code: 'fault' }],
    ]);
    expect(await status()).toMatchObject({ state: 'detached' });
    expect(await slots()).toEqual([]);
    const publications = await shop.query('SELECT FROM pg_publication');
    expect(publications).toEqual([]);
    await mend();
    expect((await attach()).status).toBe(200);
  });

  it('what was cut off with its end unwritten has left that it was begun', async () => {
    const mend = await refuse('shop.attached', 'shop.attach-failed');
    expect((await attach()).status).toBe(500);
    expect(await audited()).toEqual([['shop.attach-requested', expect.anything()]]);
    await mend();
  });

  it('no shop is detached without its entry: cut off after the slot is gone, it is followed again', async () => {
    await attach();
    await until('streaming', async () => (await status())['state'] === 'streaming');
    const mend = await refuse('shop.detached');
    expect((await detach()).status).toBe(500);
    expect((await audited()).slice(2)).toEqual([
      ['shop.detach-requested', expect.anything()],
      ['shop.detach-failed', { code: 'fault' }],
    ]);
    await until('a new slot', async () => {
      const { state, incarnation } = await status();
      return state === 'streaming' && String(incarnation).endsWith('/2');
    });
    await mend();
    expect((await detach()).body).toMatchObject({ status: { state: 'detached' } });
  });

  it('a shop that is gone for good is forgotten on our side alone, and that is told', async () => {
    const identities = () =>
      shop.query(
        `SELECT relname, relreplident::text FROM pg_class
         WHERE relnamespace = 'shop'::regnamespace AND relkind = 'r' ORDER BY 1`,
      );
    const before = await identities();
    await attach();
    await until('streaming', async () => (await status())['state'] === 'streaming');
    const replicate = new URL(shop.credentials.replicate).username;
    await shop.query(`ALTER ROLE ${replicate} NOLOGIN`);
    expect(await detach()).toMatchObject({ status: 503, body: { code: 'shop-unreachable' } });
    expect(await status()).not.toMatchObject({ state: 'detached' });

    const forgotten = await detach({ forget: true });
    expect(forgotten.body).toMatchObject({ status: { state: 'detached' } });
    expect((await audited()).at(-1)).toEqual(['shop.detached', { forgotten: true }]);
    expect(await slots()).toHaveLength(1);
    expect(await identities()).not.toEqual(before);
    // should it come back after all
    for (const sql of forgotten.body['remainingSql'] as string[]) await shop.query(sql);
    expect(await slots()).toEqual([]);
    expect(await shop.query('SELECT FROM pg_publication')).toEqual([]);
    expect(await identities()).toEqual(before);
  });
});
