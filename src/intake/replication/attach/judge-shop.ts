import type { CheckReport } from '../../../shops/shop-adapter.js';
import type { MappedTable, ShopMapping } from '../interpret/shop-mapping.js';
import type { ShopFacts, TableFacts } from './shop-facts.js';

/** Why a shop is not attached: closed list, stable for programs. */
export type RefusalCode =
  | 'profile-fault'
  | 'server-too-old'
  | 'server-is-standby'
  | 'wal-level-not-logical'
  | 'wal-unbounded'
  | 'no-free-slot'
  | 'no-free-sender'
  | 'other-database'
  | 'may-not-replicate'
  | 'may-not-read'
  | 'may-not-publish'
  | 'table-missing'
  | 'table-without-key'
  | 'key-differs'
  | 'generated-column'
  | 'table-locked'
  | 'write-would-fail'
  | 'slot-blocked'
  | 'not-prepared';

/** One thing that stands in the way, with the way out. */
export interface Refusal {
  readonly code: RefusalCode;
  /** the table or setting that it is about */
  readonly where: string;
  readonly message: string;
}

/** What the three credentials of one shop say, and the profile's own check. */
export interface AttachFacts {
  readonly shop: ShopFacts;
  readonly replicate: { readonly mayReplicate: boolean; readonly place: string };
  readonly read: { readonly unreadable: readonly string[]; readonly place: string };
  readonly check: CheckReport;
}

/** pg_logical_emit_message reaches the stream from this version on: our restores are recognised by it. */
const oldestVersion = 140_000;

/** Everything that stands in the way of attaching; empty where nothing does. Changes nothing. */
export function judgeShop(
  mapping: ShopMapping,
  facts: AttachFacts,
  options: { allowUnboundedWal: boolean; changes: boolean; newSlot: boolean },
): Refusal[] {
  return [
    ...facts.check.faults
      .filter((fault) => fault.severity === 'error')
      .map(({ where, message }): Refusal => ({ code: 'profile-fault', where, message })),
    ...judgeServer(facts.shop, options),
    ...judgeCredentials(facts, options),
    ...[...mapping.tables.values()].flatMap((mapped) => judgeTable(mapped, facts.shop)),
  ];
}

function judgeServer(
  shop: ShopFacts,
  options: { allowUnboundedWal: boolean; newSlot: boolean },
): Refusal[] {
  const refusals: Refusal[] = [];
  const refuse = (code: RefusalCode, where: string, message: string): void =>
    void refusals.push({ code, where, message });
  if (shop.versionNumber < oldestVersion)
    refuse('server-too-old', 'server', 'PostgreSQL 14 or newer is needed');
  if (shop.isStandby)
    refuse('server-is-standby', 'server', 'this is a standby; give the credentials of the primary');
  if (shop.walLevel !== 'logical')
    refuse(
      'wal-level-not-logical',
      'wal_level',
      `it is ${shop.walLevel}; set wal_level = logical and restart the server`,
    );
  if (shop.slotWalKeepMb === -1 && !options.allowUnboundedWal)
    refuse(
      'wal-unbounded',
      'max_slot_wal_keep_size',
      'without a bound, a Reinstate that is down would fill the shop’s disk; set it (e.g. 10GB) and reload, or allow unbounded WAL',
    );
  if (!options.newSlot) return refusals;
  if (shop.slots.used >= shop.slots.most)
    refuse(
      'no-free-slot',
      'max_replication_slots',
      `all ${shop.slots.most} slots are taken; drop one that is not needed, or raise it and restart`,
    );
  if (shop.senders.used >= shop.senders.most)
    refuse(
      'no-free-sender',
      'max_wal_senders',
      `all ${shop.senders.most} senders are taken; raise it and restart`,
    );
  return refusals;
}

function judgeCredentials(facts: AttachFacts, options: { changes: boolean }): Refusal[] {
  const { shop, replicate, read } = facts;
  const refusals: Refusal[] = [];
  for (const [name, place] of [
    ['replicate', replicate.place],
    ['read', read.place],
  ] as const) {
    if (place !== shop.place)
      refusals.push({
        code: 'other-database',
        where: name,
        message: `the ${name} credential leads to another database than the attach credential`,
      });
  }
  if (!replicate.mayReplicate)
    refusals.push({
      code: 'may-not-replicate',
      where: 'replicate',
      message: 'its role needs the REPLICATION attribute: ALTER ROLE ... REPLICATION',
    });
  if (read.unreadable.length > 0)
    refusals.push({
      code: 'may-not-read',
      where: 'read',
      message: `its role needs SELECT on ${read.unreadable.join(', ')}`,
    });
  if (!options.changes) return refusals;
  const foreign = shop.tables.filter((table) => !table.isOwned).map(({ table }) => table);
  if (foreign.length > 0 || !shop.mayCreate)
    refusals.push({
      code: 'may-not-publish',
      where: 'attach',
      message:
        'the attach credential must be the owner of the tables and may CREATE in the database; ' +
        (foreign.length > 0 ? `it does not own ${foreign.join(', ')}; ` : '') +
        'or let a DBA run the SQL that Reinstate prints',
    });
  return refusals;
}

function judgeTable(mapped: MappedTable, shop: ShopFacts): Refusal[] {
  const { table } = mapped;
  const own = shop.tables.find((facts) => facts.table === table);
  if (own === undefined)
    return [
      {
        code: 'table-missing',
        where: table,
        message: 'the shop has no such table (or this user cannot see it)',
      },
    ];
  const parts = shop.tables.filter((facts) => facts.partOf === table);
  return [own, ...parts].flatMap((facts) => [
    ...judgeKey(mapped, facts),
    ...judgeGenerated(mapped, facts),
  ]);
}

function judgeKey(mapped: MappedTable, facts: TableFacts): Refusal[] {
  const where = facts.table;
  if (facts.isPartitioned && facts.primaryKey === null) {
    const message =
      'it is partitioned and has no primary key: a partition added later could not be published, ' +
      `and the shop’s updates would fail there; ALTER TABLE ${where} ADD PRIMARY KEY (...)`;
    return [{ code: 'table-without-key', where, message }];
  }
  if (keyIndexOf(mapped, facts) !== undefined) return [];
  if (facts.primaryKey === null && facts.uniqueIndexes.length === 0) {
    const columns = mapped.key.join(', ');
    return [
      {
        code: 'table-without-key',
        where,
        message:
          `it has no key, so its rows cannot be told apart, and publishing it could break the shop’s updates; ` +
          `add one (ALTER TABLE ${where} ADD PRIMARY KEY (${columns})), or leave the table out of the profile`,
      },
    ];
  }
  const keys = [facts.primaryKey ?? [], ...facts.uniqueIndexes.map(({ columns }) => columns)]
    .filter((columns) => columns.length > 0)
    .map((columns) => `(${columns.join(', ')})`);
  return [
    {
      code: 'key-differs',
      where,
      message: `the profile names (${mapped.key.join(', ')}) as its key; the table’s keys are ${[...new Set(keys)].join(', ')}`,
    },
  ];
}

function judgeGenerated(mapped: MappedTable, facts: TableFacts): Refusal[] {
  if (mapped.identity !== 'full' || facts.generatedColumns.length === 0) return [];
  return [
    {
      code: 'generated-column',
      where: facts.table,
      message:
        `its generated column ${facts.generatedColumns.join(', ')} cannot be part of a full identity: ` +
        'the shop’s updates would fail; set identity: key for it in the profile',
    },
  ];
}

/** `primary`, or the name of the unique index whose columns are the profile's key. */
export function keyIndexOf(mapped: MappedTable, facts: TableFacts): string | undefined {
  const isKey = (columns: readonly string[]): boolean =>
    columns.length === mapped.key.length && mapped.key.every((column) => columns.includes(column));
  if (facts.primaryKey !== null && isKey(facts.primaryKey)) return 'primary';
  return facts.uniqueIndexes.find(({ columns }) => isKey(columns))?.index;
}
