import pg from 'pg';
import { ReplicationSettings } from '../../src/intake/replication/replication.settings.js';
import type { ShopStream } from '../../src/intake/replication/shop-stream.js';
import { StreamInspector } from '../../src/intake/replication/stream-inspector.js';
import { withClient } from '../support/postgres.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

/** The shop's own people go on changing its schema; none of that may make its updates fail because of us. */
describe('what others change in a shop that is attached', () => {
  let shop: TestShop;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  const streaming = () =>
    until('streaming', async () => (await harness.row()).state === 'streaming');

  /** Attached, and nobody follows it just now: as detach finds it. */
  async function attachAndStop(): Promise<void> {
    const stream = await harness.attach();
    await streaming();
    await stream.stop();
  }

  const identityOf = async (table: string) => {
    const [row] = await shop.query<{ identity: string }>(
      `SELECT relreplident::text AS identity FROM pg_class WHERE oid = 'shop.${table}'::regclass`,
    );
    return row?.identity;
  };

  const publications = async () => {
    const rows = await shop.query<{ name: string }>('SELECT pubname AS name FROM pg_publication');
    return rows.map(({ name }) => name);
  };

  const detach = (credential: string | null = shop.credentials.attach) =>
    harness.attacher.detach(harness.target(), { credential });

  const sell = () => shop.run(`UPDATE shop.payment SET amount_minor = amount_minor + 1`);

  /** Since a server can publish generated columns, it looks at them; before, it knows of stored ones alone. */
  async function publishesGenerated(): Promise<boolean> {
    const [server] = await shop.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int AS version`,
    );
    return server!.version >= 180_000;
  }

  /** Somebody has an order's rows in hand; nobody changes the schema meanwhile. */
  async function holdTable(table: string): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: shop.url });
    await client.connect();
    await client.query(`BEGIN; SELECT FROM shop.${table}`);
    return () => client.end();
  }

  async function inspectedProblem(stream: ShopStream): Promise<string | null> {
    const { database, store, metrics, clock } = harness;
    const settings = new ReplicationSettings(2 ** 30);
    await new StreamInspector(database, store, metrics, clock, settings).inspect(stream);
    return (await harness.row()).problem;
  }

  it.each(['STORED', 'VIRTUAL'])(
    'a generated column (%s) makes updates fail, from PostgreSQL 18 on: that is said, with the SQL that helps',
    async (kind) => {
      const stream = await harness.attach();
      await streaming();
      if (kind === 'VIRTUAL' && !(await publishesGenerated())) {
        const wanted = shop.run('CREATE TABLE shop.any (a int GENERATED ALWAYS AS (1) VIRTUAL)');
        await expect(wanted).rejects.toThrow('syntax error');
        return;
      }
      await shop.run(
        `ALTER TABLE shop.payment ADD COLUMN doubled bigint GENERATED ALWAYS AS (amount_minor * 2) ${kind}`,
        `ALTER TABLE shop.refund ADD COLUMN doubled bigint GENERATED ALWAYS AS (amount_minor * 2) ${kind}`,
        `ALTER TABLE shop.refund DROP CONSTRAINT refund_pkey, ALTER COLUMN id SET NOT NULL`,
        `CREATE UNIQUE INDEX refund_by_id ON shop.refund (id)`,
      );
      if (!(await publishesGenerated())) {
        await sell();
        expect(await inspectedProblem(stream)).toBeNull();
        return;
      }
      await expect(sell()).rejects.toThrow('cannot update table "payment"');
      const problem = await inspectedProblem(stream);
      expect(problem).toContain('updates of shop.payment, shop.refund fail in the shop');
      expect(problem).toContain('generated column');

      const [, way = ''] = /as its owner, (.*)$/.exec(problem ?? '') ?? [];
      expect(way.split('; ')).toHaveLength(2);
      await withClient(shop.credentials.attach, (client) => client.query(way));
      expect(await identityOf('payment')).toBe('d');
      expect(await identityOf('refund')).toBe('i');
      await sell();
      await shop.run(`UPDATE shop.refund SET amount_minor = 1`, `DELETE FROM shop.payment`);
      expect(await inspectedProblem(stream)).toBeNull();
      await harness.caughtUp();
      const [sold, deleted] = await harness.entries();
      expect(sold).toMatchObject({ orderId: '1', kinds: ['changed'] });
      expect(sold?.rowChanges).toMatchObject([
        { before: { amount_minor: '1000' }, after: { amount_minor: '1001' } },
      ]);
      expect(deleted?.rowChanges).toMatchObject([{ operation: 'delete' }]);
    },
  );

  it('a publication that lives on our identity: detach leaves that identity to a DBA, and takes back the rest', async () => {
    await attachAndStop();
    await shop.query(
      `CREATE PUBLICATION warehouse FOR TABLE shop.payment WHERE (state = 'captured')`,
    );
    const left = await detach();
    expect(await publications()).toEqual(['warehouse']);
    expect([await identityOf('payment'), await identityOf('orders')]).toEqual(['f', 'd']);
    expect((await harness.row()).state).toBe('detached');
    await sell();

    expect(left).toHaveLength(1);
    const script = left[0]!;
    expect(script).toContain('ALTER TABLE "shop"."payment" REPLICA IDENTITY DEFAULT;');
    // run too soon it does no harm
    const run = () => withClient(shop.credentials.attach, (client) => client.query(script));
    await expect(run()).rejects.toThrow('cannot update table "payment"');
    expect(await identityOf('payment')).toBe('f');
    await shop.query('DROP PUBLICATION warehouse');
    await run();
    expect(await identityOf('payment')).toBe('d');
  });

  it('the same as SQL for a DBA: tested too', async () => {
    await attachAndStop();
    await shop.query(`CREATE PUBLICATION warehouse FOR TABLE shop.payment WHERE (state = 'paid')`);
    const left = await detach(null);
    expect(left[0]).toMatch(/^DROP PUBLICATION/);
    const payment = left.find((sql) => sql.includes('"payment"')) ?? '';
    const run = withClient(shop.credentials.attach, (client) => client.query(payment));
    await expect(run).rejects.toThrow('cannot update table "payment"');
    await sell();
  });

  it('a publication that came while attach was under way and failed: its identity is left to a DBA', async () => {
    const failing = harness.attacher.attach(harness.target(), {
      credential: shop.credentials.attach,
      allowUnboundedWal: false,
      slotLimitMs: 20_000,
      settle: async () => {
        await shop.query(
          `CREATE PUBLICATION warehouse FOR TABLE shop.payment WHERE (state = 'captured')`,
        );
        throw new Error('cut off');
      },
    });
    await expect(failing).rejects.toThrow(
      /has to be run by hand[^]*\nALTER TABLE "shop"."payment" REPLICA IDENTITY DEFAULT;/,
    );
    await sell();
    expect([await identityOf('payment'), await identityOf('orders')]).toEqual(['f', 'd']);
    expect(await publications()).toEqual(['warehouse']);
    // the note of it stays, and so the next detach sets it back
    await shop.query('DROP PUBLICATION warehouse');
    await attachAndStop();
    expect(await detach()).toEqual([]);
    expect(await identityOf('payment')).toBe('d');
  });

  it('what the identities were is known until they are set back: cut off in between, detach is asked again', async () => {
    await attachAndStop();
    const { identities } = await harness.row();
    const release = await holdTable('orders');
    let isOver = false;
    const detaching = detach().finally(() => (isOver = true));
    await until('the first step back', async () => (await publications()).length === 0);
    const known = await harness.row();
    const wasOver = isOver;
    await release();
    const left = await detaching;
    // what a kill -9 would have left there
    expect(known).toMatchObject({ state: 'streaming', identities });
    expect(wasOver).toBe(false);
    expect(left).toEqual([]);
    expect(await harness.row()).toMatchObject({ state: 'detached', identities: {} });
    expect(await identityOf('orders')).toBe('d');
  });

  it('a detach whose credential does not connect changes nothing', async () => {
    await attachAndStop();
    const before = await harness.row();
    const wrong = new URL(shop.credentials.attach);
    wrong.password = 'not-the-password';
    await expect(detach(wrong.href)).rejects.toMatchObject({ code: 'shop-unreachable' });
    expect(await harness.row()).toEqual(before);
    expect(await detach()).toEqual([]);
    expect([await publications(), await identityOf('orders')]).toEqual([[], 'd']);
  });

  it('an attach that was refused leaves no note: a later one sets back what it found itself', async () => {
    const release = await holdTable('stock_movement');
    await expect(harness.attach()).rejects.toMatchObject({ code: 'attach-refused' });
    await release();
    expect(await identityOf('payment')).toBe('d');
    expect((await harness.row()).identities).toEqual({});
    await shop.run(`ALTER TABLE shop.payment REPLICA IDENTITY NOTHING`);
    await attachAndStop();
    expect(await identityOf('payment')).toBe('f');
    expect(await detach()).toEqual([]);
    expect(await identityOf('payment')).toBe('n');
  });
});
