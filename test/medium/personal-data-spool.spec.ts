import { AuditService } from '../../src/access/audit.service.js';
import { AuditStore } from '../../src/access/audit.store.js';
import { SpoolHolder } from '../../src/intake/replication/spool-holder.js';
import { PersonalErasureService } from '../../src/journal/personal-erasure.service.js';
import { PersonalKeyStore } from '../../src/journal/personal-key.store.js';
import { UnreadData } from '../../src/journal/unread-data.js';
import { isErased, isSealed } from '../../src/orders/row-change.js';
import type { Profile } from '../../src/shops/profile.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

/** Transactions that wait for a mended profile hold persons whom nobody can name yet. */
describe('a person who is erased while transactions wait', () => {
  let shop: TestShop;
  let harness: Harness;
  let erasures: PersonalErasureService;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
    const { database, personalData, store, clock } = harness;
    const unread = new UnreadData();
    new SpoolHolder(unread, store).onModuleInit();
    const audit = new AuditService(database, new AuditStore());
    const keys = new PersonalKeyStore();
    erasures = new PersonalErasureService(database, personalData, keys, unread, audit, clock);
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  const erase = (id: string) =>
    erasures.erase(null as never, { shopId: harness.shopId, kind: 'customer', id }, 'request 4711');

  it('is in no entry and no image when they are read, known before or not; others are', async () => {
    const first = await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await shop.run('ALTER TABLE shop.orders DROP COLUMN notes');
    await shop.run(`UPDATE shop.orders SET ship_name = 'A new name' WHERE id = 1`);
    await shop.run(placeOrder({ id: 2 }));
    await shop.run(placeOrder({ id: 3 }));
    await harness.caughtUp();
    await until('they wait', async () => (await harness.row()).state === 'mismatch');
    await first.stop();

    expect(await erase('c1')).toMatchObject({ alreadyErased: false });
    expect(await erase('c2')).toMatchObject({ alreadyErased: false });
    expect(await erase('c2')).toMatchObject({ alreadyErased: true });
    const audited = await harness.database.query(`SELECT FROM audit_entry`);
    expect(audited).toHaveLength(2);

    harness.open(mended()).start();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await harness.caughtUp();
    const entries = await harness.entries();
    const names = entries
      .filter(({ orderId }) => orderId !== '')
      .map(({ orderId, rowChanges }) => {
        const own = rowChanges.find(({ table }) => table === 'shop.orders');
        return { orderId, name: own?.after?.['ship_name'] };
      });
    expect(names.map(({ orderId, name }) => [orderId, isErased(name)])).toEqual([
      ['2', true],
      ['3', false],
    ]);
    const images = (await harness.images()).filter(({ table }) => table === 'shop.orders');
    const kept = images.map(({ image }) => image['ship_name']).filter((name) => isSealed(name));
    expect(await harness.personalData.open(harness.shopId, kept)).toEqual([null, null, 'Name c3']);
  });

  it('must be known where none wait: a slip of the pen is told', async () => {
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await expect(erase('c99')).rejects.toMatchObject({ code: 'nothing-personal' });
    expect(await erase('c1')).toMatchObject({ alreadyErased: false });
  });
});

/** The profile without the column that the shop has dropped. */
function mended(): Profile {
  const profile = testShopProfile();
  const orders = profile.tables['shop.orders']!;
  const columns = Object.fromEntries(
    Object.entries(orders.columns).filter(([column]) => column !== 'notes'),
  );
  return { ...profile, tables: { ...profile.tables, 'shop.orders': { ...orders, columns } } };
}
