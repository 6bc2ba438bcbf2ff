import { loadProfile } from '../../../shops/profile-file.js';
import { mapShop, type ShopMapping } from '../interpret/shop-mapping.js';
import { judgeShop, type AttachFacts } from './judge-shop.js';
import { attachScript, planPublication } from './publication-plan.js';
import type { ShopFacts, TableFacts } from './shop-facts.js';

const options = { allowUnboundedWal: false, changes: true, newSlot: true };

describe('judging a shop before anything is changed', () => {
  let mapping: ShopMapping;
  let shop: ShopFacts;

  beforeAll(async () => {
    const { profile } = await loadProfile('sample-shop', { directory: process.cwd() });
    mapping = mapShop(profile);
    shop = {
      versionNumber: 180_000,
      isStandby: false,
      walLevel: 'logical',
      slotWalKeepMb: 1024,
      slots: { used: 0, most: 10 },
      senders: { used: 0, most: 10 },
      mayCreate: true,
      place: 'shop 1',
      tables: [...mapping.tables.values()].map(({ table, key }) => ({
        table,
        identity: 'd',
        identityIndex: null,
        primaryKey: key,
        uniqueIndexes: [{ index: 'pkey', columns: key }],
        generatedColumns: [],
        writableColumn: key[0] ?? null,
        isOwned: true,
        isPartitioned: false,
        partOf: null,
      })),
      published: null,
    };
  });

  const codes = (changed: Partial<ShopFacts>, further: Partial<AttachFacts> = {}) =>
    judgeShop(
      mapping,
      {
        shop: { ...shop, ...changed },
        replicate: { mayReplicate: true, place: 'shop 1' },
        read: { unreadable: [], place: 'shop 1' },
        check: { ok: true, serverVersion: '18', faults: [] },
        ...further,
      },
      options,
    ).map(({ code }) => code);

  it.each<[string, Partial<ShopFacts>, string[]]>([
    ['nothing', {}, []],
    ['an old server', { versionNumber: 130_020 }, ['server-too-old']],
    ['a standby', { isStandby: true }, ['server-is-standby']],
    ['wal_level replica', { walLevel: 'replica' }, ['wal-level-not-logical']],
    ['no bound', { slotWalKeepMb: -1 }, ['wal-unbounded']],
    ['no slot', { slots: { used: 10, most: 10 } }, ['no-free-slot']],
    ['no sender', { senders: { used: 10, most: 10 } }, ['no-free-sender']],
    ['may not create', { mayCreate: false }, ['may-not-publish']],
    ['another database', { place: 'shop 2' }, ['other-database', 'other-database']],
  ])('refuses %s', (_name, changed, refused) => {
    expect(codes(changed)).toEqual(refused);
  });

  it('judges keys, generated columns and the profile', () => {
    const change = (changes: Partial<TableFacts>) =>
      shop.tables.map((facts) =>
        facts.table === 'shop.payment' ? { ...facts, ...changes } : facts,
      );
    expect(codes({ tables: change({ primaryKey: null, uniqueIndexes: [] }) })).toEqual([
      'table-without-key',
    ]);
    expect(codes({ tables: change({ primaryKey: ['a'], uniqueIndexes: [] }) })).toEqual([
      'key-differs',
    ]);
    expect(codes({ tables: change({ primaryKey: null }) })).toEqual([]);
    expect(codes({ tables: change({ primaryKey: null, isPartitioned: true }) })).toEqual([
      'table-without-key',
    ]);
    expect(codes({ tables: change({ generatedColumns: ['g'] }) })).toEqual(['generated-column']);
    expect(codes({ tables: shop.tables.slice(1) })).toEqual(['table-missing']);
    const faults = [{ severity: 'error' as const, where: 'x', message: 'y' }];
    expect(codes({}, { check: { ok: false, serverVersion: '18', faults } })).toEqual([
      'profile-fault',
    ]);
  });

  it('plans identities before the publication, and nothing where all is as it should be', () => {
    const plan = planPublication(mapping, shop, 'reinstate_main');
    const [first] = plan.identities;
    expect(first).toMatchObject({ table: shop.tables[0]?.table, before: 'd' });
    expect(first?.sql).toMatch(/^ALTER TABLE "shop"\."\w+" REPLICA IDENTITY FULL$/);
    expect(first?.undoSql).toMatch(/REPLICA IDENTITY DEFAULT$/);
    const script = attachScript(plan, 'main');
    expect(script.lastIndexOf('REPLICA IDENTITY')).toBeLessThan(
      script.indexOf('CREATE PUBLICATION'),
    );
    expect(script).not.toMatch(/ALL TABLES/);
    const tables = shop.tables.map((facts) => ({ ...facts, identity: 'f' as const }));
    const published = [...mapping.tables.keys()].reverse();
    const done = planPublication(mapping, { ...shop, tables, published }, 'reinstate_main');
    expect(done).toMatchObject({ identities: [], publish: null });
  });

  it('gives an index as identity where the profile’s key is no primary key', () => {
    const tables = shop.tables.map((facts): TableFacts => ({
      ...facts,
      primaryKey: ['other'],
      uniqueIndexes: [{ index: 'by id', columns: facts.primaryKey ?? [] }],
    }));
    const keyed = {
      ...mapping,
      tables: new Map(
        [...mapping.tables].map(([name, table]) => [name, { ...table, identity: 'key' as const }]),
      ),
    };
    const [first] = planPublication(keyed, { ...shop, tables }, 'reinstate_main').identities;
    expect(first?.sql).toMatch(/REPLICA IDENTITY USING INDEX "by id"$/);
  });
});
