import type { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { profileSchema, type Profile } from '../../src/shops/profile.js';
import { AdapterScene } from '../support/adapter-scene.js';
import { testServerUrl } from '../support/postgres.js';

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
});

describe('check', () => {
  const errors = async (one: PostgresShopAdapter) => {
    const report = await one.check();
    return report.faults
      .filter(({ severity }) => severity === 'error')
      .map(({ where, message }) => `${where}: ${message}`);
  };
  const changed = (change: (draft: Profile) => void) => {
    const draft = structuredClone(scene.profile);
    change(draft);
    return scene.open({ profile: draft });
  };

  test('the sample shop’s profile fits the sample shop', async () => {
    const report = await scene.adapter.check();
    expect(report.faults.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.faults.map(({ message }) => message).join('\n')).toMatch(/trigger orders_touch/);
  });

  test('a profile that restores the status alone does not pass', async () => {
    const ignored = { ignore: 'who cares' };
    const statusOnly = profileSchema.parse({
      ...scene.profile,
      cancellation: {
        settle: '1s',
        longest: '1m',
        claims: { 'shop.orders': { updated: ['status'] } },
      },
      locks: ['shop.orders'],
      payments: undefined,
      refunds: undefined,
      history: undefined,
      shipment: undefined,
      tables: {
        'shop.orders': {
          ...scene.profile.tables['shop.orders'],
          columns: Object.fromEntries(
            Object.keys(scene.profile.tables['shop.orders']!.columns).map((column) => [
              column,
              column === 'id' ? 'key' : column === 'status' ? 'value' : ignored,
            ]),
          ),
        },
        'shop.order_line': {
          ...scene.profile.tables['shop.order_line'],
          columns: Object.fromEntries(
            Object.keys(scene.profile.tables['shop.order_line']!.columns).map((column) => [
              column,
              column === 'id' ? 'key' : ignored,
            ]),
          ),
        },
      },
    });
    const found = await errors(scene.open({ profile: statusOnly }));
    expect(found.join('\n')).toMatch(/only the status would come back/);
    expect(found.join('\n')).toMatch(/no column of the lines would come back/);
    expect(found.join('\n')).toMatch(/no stock would be taken again/);
  });

  test('nor does one that leaves totals and quantities behind, with whatever reason', async () => {
    const found = await errors(
      changed(({ order, lines, tables }) => {
        const ignored = { ignore: 'it can be worked out' };
        tables['shop.orders']!.columns[order.total[0]!.column] = ignored;
        tables['shop.order_line']!.columns[lines.quantity] = ignored;
      }),
    );
    expect(found).toHaveLength(2);
    for (const text of found) expect(text).toMatch(/an order would come back without it/);
  });

  test('names every column without a role and every one that there is not', async () => {
    await scene.pool.query(
      'ALTER TABLE shop.payment ADD COLUMN risk text, ADD COLUMN fee bigint GENERATED ALWAYS AS (amount_minor / 100) STORED',
    );
    const found = await errors(
      changed((draft) => {
        Object.assign(draft.tables['shop.payment']!.columns, { gone: 'value', fee: 'value' });
        draft.tables['shop.ghost'] = structuredClone(draft.tables['shop.payment']!);
      }),
    );
    await scene.pool.query('ALTER TABLE shop.payment DROP COLUMN risk, DROP COLUMN fee');
    expect(found.sort()).toEqual([
      'tables["shop.ghost"]: the shop has no such table; correct its name, or take it out',
      'tables["shop.payment"].columns.fee: the database works it out from other columns; ignore it, with that reason',
      'tables["shop.payment"].columns.gone: the shop has no such column; take it out',
      'tables["shop.payment"].columns.risk: the shop has this column, and the profile gives it no role; give it one, or ignore it with the reason',
    ]);
  });

  test('names what has the wrong type or no unique key', async () => {
    const found = await errors(
      changed((draft) => {
        draft.tables['shop.orders']!.columns['channel'] = 'version';
        draft.tables['shop.orders']!.columns['region'] = 'touch';
        draft.tables['shop.payment']!.key = ['provider'];
        Object.assign(draft.tables['shop.payment']!.columns, { id: 'value', provider: 'key' });
        draft.lines.quantity = 'name';
        draft.order.placed_at = 'number';
      }),
    );
    expect(found.join('\n')).toMatch(/columns\.channel: a version counts/);
    expect(found.join('\n')).toMatch(/columns\.region: a touch column becomes the present moment/);
    expect(found.join('\n')).toMatch(
      /"shop\.payment"\]\.key: no unique index is on just these columns: provider/,
    );
    expect(found.join('\n')).toMatch(/lines\.quantity: column name is text and no number/);
    expect(found.join('\n')).toMatch(/order\.placed_at: column number is text and no date or time/);
  });

  test('names an attribute that stands nowhere, and an invariant that says nothing', async () => {
    const found = await errors(
      changed((draft) => {
        const { attributes } = draft.order;
        attributes['channel'] = { table: 'shop.order_channel', column: 'channel_id' };
        attributes['carrier'] = { table: 'shop.shipping_line', column: 'carrier' };
        attributes['provider'] = { table: 'shop.payment', column: 'provider' };
        draft.invariants.push({ name: 'idle', sql: 'SELECT true WHERE $1 IS NOT NULL' });
      }),
    );
    expect(found).toEqual([
      'order.attributes.channel.table: shop.order_channel is not mapped under `tables`',
      'order.attributes.carrier: column carrier is not mapped under tables["shop.shipping_line"].columns',
      expect.stringMatching(
        /^invariants\[4\]: "idle" names no mapped column of an order's own table/,
      ),
    ]);
  });

  test('names the rights that are missing, without using the write credential', async () => {
    await scene.pool
      .query(`REVOKE UPDATE ON shop.stock FROM ${scene.roles.write}; GRANT UPDATE (allocated) ON shop.stock TO ${scene.roles.write};
      REVOKE UPDATE ON shop.payment FROM ${scene.roles.write}; REVOKE SELECT ON shop.refund FROM ${scene.roles.read}; GRANT DELETE ON shop.orders TO ${scene.roles.write}`);
    const wrongPassword = new URL(scene.urls.write);
    wrongPassword.password = 'wrong';
    const report = await scene.open({ writeUrl: wrongPassword.href }).check();
    await scene.pool.query(
      `GRANT UPDATE ON shop.stock, shop.payment TO ${scene.roles.write}; GRANT SELECT ON shop.refund TO ${scene.roles.read}; REVOKE DELETE ON shop.orders FROM ${scene.roles.write}`,
    );
    const found = report.faults.map(
      ({ severity, where, message }) => `${severity} ${where}: ${message}`,
    );
    expect(found).toContain(
      `error tables["shop.payment"]: a restore needs a right that ${scene.roles.write} does not have: GRANT UPDATE ("note") ON "shop"."payment" TO "${scene.roles.write}" (and USAGE on the schema shop)`,
    );
    expect(found).toContain(
      'error tables["shop.refund"]: the read credential may not read it: GRANT USAGE ON the schema and SELECT ON "shop"."refund" to it',
    );
    expect(found).toContain(
      `warning postgres.write: ${scene.roles.write} may delete rows of shop.orders, which no restore needs`,
    );
    expect(found.filter((text) => text.includes('shop.stock'))).toEqual([]);
    const nobody = scene.open({
      writeUrl: testServerUrl(scene.database.name, { user: 'nobody_there', password: 'x' }),
    });
    expect(await errors(nobody)).toEqual([
      'postgres.write: the server has no role nobody_there; create it, or correct the address',
    ]);
  });

  test('names the rights that the undo of a row which was put back needs: to lock it, and to take it away', async () => {
    const found = await errors(
      changed(({ tables }) => {
        tables['shop.refund']!.deleted = 'reinsert';
      }),
    );
    const lacking = (privilege: string) =>
      `tables["shop.refund"]: a restore needs a right that ${scene.roles.write} does not have: GRANT ${privilege} ON "shop"."refund" TO "${scene.roles.write}" (and USAGE on the schema shop)`;
    expect(found).toEqual(['UPDATE', 'INSERT', 'DELETE'].map(lacking));
  });

  test('warns of columns that seem to be about a person and would lie open', async () => {
    const draft = changed(({ tables }) => {
      tables['shop.orders']!.columns['contact_email'] = 'value';
      tables['shop.orders']!.columns['ship_street'] = { ignore: 'nobody needs it' };
    });
    const personal = (await draft.check()).faults.filter(({ message }) =>
      message.includes('about a person'),
    );
    const told = personal.map(({ severity, where }) => `${severity} ${where}`);
    expect(told.sort()).toEqual([
      'warning tables["shop.orders"].columns.contact_email',
      'warning tables["shop.orders"].columns.ship_street',
    ]);
    const own = (await scene.adapter.check()).faults.map(({ message }) => message);
    expect(own.join('\n')).not.toMatch(/about a person/);
  });

  test('warns of a wait for locks in which the shop could lose a deadlock', async () => {
    const { faults } = await scene.open({ lockTimeoutMs: 1_500 }).check();
    expect(faults).toContainEqual({
      severity: 'warning',
      where: 'restore.lock_timeout_ms',
      message: expect.stringMatching(/waits 1500 ms .* deadlocks after 1000 ms/) as unknown,
    });
    expect((await scene.adapter.check()).faults.map(({ where }) => where)).not.toContain(
      'restore.lock_timeout_ms',
    );
  });

  test('warns of an invariant that holds the order’s locks for long', async () => {
    await scene.buy();
    const draft = structuredClone(scene.profile);
    const sql = `SELECT pg_sleep(0.1) IS NOT NULL FROM shop.orders WHERE id = $1 AND status <> ''`;
    draft.invariants = [{ name: 'dozes', sql }];
    const { faults } = await scene.open({ profile: draft, statementTimeoutMs: 300 }).check();
    const [dozing] = faults.filter(({ where }) => where === 'invariants[0]');
    expect(dozing?.severity).toBe('warning');
    expect(dozing?.message).toMatch(/^"dozes" took \d+ ms for one order, .* gives it 300 ms/);
  });

  test('runs every invariant, also on open orders', async () => {
    await scene.buy();
    const { faults } = await changed((draft) => {
      draft.invariants = [
        { name: 'nonsense', sql: 'SELECT status FROM WHERE shop.orders' },
        { name: 'a number', sql: 'SELECT total_minor FROM shop.orders WHERE id = $1' },
        {
          name: 'writes',
          sql: `SELECT nextval('shop.order_number') > 0 FROM shop.orders WHERE id = $1 AND status <> ''`,
        },
        { name: 'never', sql: `SELECT status = '' FROM shop.orders WHERE id = $1;` },
        { name: 'chokes', sql: `SELECT ship_name::int > 0 FROM shop.orders WHERE id = $1` },
        { name: 'fine', sql: `SELECT status <> '$1' FROM shop.orders WHERE id = $1` },
      ];
    }).check();
    const found = faults
      .filter(({ where }) => where.startsWith('invariants'))
      .map(({ severity, where, message }) => `${severity} ${where} ${message}`);
    expect(found).toHaveLength(5);
    expect(found[4]).toMatch(/^error invariants\[4\] "chokes" fails: SQLSTATE 22P02/);
    expect(found.join('\n')).not.toContain('Neil');
    expect(found[0]).toMatch(/^error invariants\[0\] "nonsense" cannot be run: syntax error/);
    expect(found[1]).toMatch(
      /^error invariants\[1\] "a number" gives bigint and not true or false/,
    );
    expect(found[2]).toMatch(/^error invariants\[2\] "writes" fails: SQLSTATE 42501/);
    expect(found[3]).toMatch(
      /^warning invariants\[3\] "never" does not hold for \d+ of the \d+ newest open orders/,
    );
  });
});
