import pg from 'pg';
import { present } from '../../../platform/assert.js';
import type { ShopMapping } from '../interpret/shop-mapping.js';
import { quotedTable } from '../source/snapshot-reader.js';
import type { StreamRow } from '../stream-state.js';
import { keyIndexOf } from './judge-shop.js';
import type { ShopFacts, TableFacts } from './shop-facts.js';

/** The longest that the shop waits for us, each time; said to the shop's owner. */
export const lockTimeoutMs = 500;

/** A change of one table's replica identity, with the way back. */
export interface IdentityChange {
  readonly table: string;
  readonly sql: string;
  /** what it is set back to: d, n, f, or i:<index> */
  readonly before: string;
  readonly undoSql: string;
}

/** Fails as the shop's own updates of a table would, but touches no row and fires no trigger. */
export interface UpdateTest {
  readonly table: string;
  readonly sql: string;
}

/** One change taken back, with what has to pass before anybody may see that. */
export interface UndoStep {
  readonly sql: string;
  readonly tests: readonly UpdateTest[];
}

/** All that attach changes in the shop's schema. */
export interface PublicationPlan {
  readonly identities: readonly IdentityChange[];
  /** null where the publication is as it should be */
  readonly publish: { readonly sql: readonly string[]; readonly undoSql: string } | null;
  readonly tests: readonly UpdateTest[];
}

/**
 * What has to be changed: identities first, table by table, then the publication. Tables are named one by
 * one (never FOR ALL TABLES) and whole (no column lists, which PostgreSQL refuses for updates under a full
 * identity). Changes of partitions are sent under the name of their table.
 */
export function planPublication(
  mapping: ShopMapping,
  facts: ShopFacts,
  publicationName: string,
): PublicationPlan {
  const identities = facts.tables
    .map((table) => identityChange(mapping, table))
    .filter((change) => change !== null);
  return {
    identities,
    publish: publishing(mapping, facts, publicationName),
    tests: testsOf(facts.tables),
  };
}

function identityChange(mapping: ShopMapping, facts: TableFacts): IdentityChange | null {
  const mapped = present(
    mapping.tables.get(facts.partOf ?? facts.table),
    'facts are read of mapped tables only',
  );
  const { table } = facts;
  const before = facts.identity === 'i' ? `i:${facts.identityIndex ?? ''}` : facts.identity;
  const index = keyIndexOf(mapped, facts);
  const wanted = mapped.identity === 'full' ? 'f' : index === 'primary' ? 'd' : `i:${index ?? ''}`;
  // a full identity tells more than is asked for, and may be somebody else's wish
  if (before === wanted || before === 'f') return null;
  return {
    table,
    sql: identitySql(table, wanted),
    before,
    undoSql: identitySql(table, before),
  };
}

/** Sets a table's identity to d, n, f or i:<index>. */
export function identitySql(table: string, identity: string): string {
  const words: Record<string, string> = { d: 'DEFAULT', n: 'NOTHING', f: 'FULL' };
  const word = words[identity] ?? `USING INDEX ${pg.escapeIdentifier(identity.slice(2))}`;
  return `ALTER TABLE ${quotedTable(table)} REPLICA IDENTITY ${word}`;
}

function publishing(
  mapping: ShopMapping,
  facts: ShopFacts,
  publicationName: string,
): PublicationPlan['publish'] {
  const name = pg.escapeIdentifier(publicationName);
  const list = (tables: readonly string[]): string => tables.map(quotedTable).join(', ');
  const wanted = [...mapping.tables.keys()].sort();
  const rootOption = 'publish_via_partition_root = true';
  if (facts.published === null) {
    return {
      sql: [`CREATE PUBLICATION ${name} FOR TABLE ${list(wanted)} WITH (${rootOption})`],
      undoSql: `DROP PUBLICATION IF EXISTS ${name}`,
    };
  }
  if ([...facts.published].sort().join() === wanted.join()) return null;
  return {
    sql: [
      `ALTER PUBLICATION ${name} SET TABLE ${list(wanted)}`,
      `ALTER PUBLICATION ${name} SET (${rootOption})`,
    ],
    undoSql:
      facts.published.length === 0
        ? `ALTER PUBLICATION ${name} DROP TABLE ${list(wanted)}`
        : `ALTER PUBLICATION ${name} SET TABLE ${list(facts.published)}`,
  };
}

function testsOf(tables: readonly TableFacts[]): UpdateTest[] {
  return tables.map((facts) => ({ table: facts.table, sql: testSql(facts) }));
}

/** Planning and starting an UPDATE is enough for the server to say that it could not be replicated. */
function testSql({ table, writableColumn, primaryKey }: TableFacts): string {
  const set =
    writableColumn === null
      ? `${pg.escapeIdentifier(primaryKey?.[0] ?? '')} = DEFAULT`
      : `${pg.escapeIdentifier(writableColumn)} = ${pg.escapeIdentifier(writableColumn)}`;
  return `EXPLAIN UPDATE ${quotedTable(table)} SET ${set} WHERE false`;
}

/** The same as a script for a DBA, to be run as the tables' owner. */
export function attachScript(plan: PublicationPlan, shopId: string): string {
  return [
    `-- What attaching the shop "${shopId}" to Reinstate changes in the shop's database. Run it as the owner of the tables.`,
    '-- Nothing waits for a lock longer than half a second; where one times out, run the script again.',
    `SET lock_timeout = '${lockTimeoutMs}ms';`,
    '-- The tests fail as the shop’s own updates would, before anybody else sees a change.',
    ...plan.identities.flatMap(({ table, sql }) =>
      testedScript(
        [sql],
        plan.tests.filter((test) => test.table === table),
      ),
    ),
    ...publishScript(plan),
    '',
  ].join('\n');
}

function testedScript(changes: readonly string[], tests: PublicationPlan['tests']): string[] {
  const statements = ['BEGIN', ...changes, ...tests.map(({ sql }) => sql), 'COMMIT'];
  return statements.map((sql) => `${sql};`);
}

function publishScript({ publish, tests }: PublicationPlan): string[] {
  if (publish === null) return ['-- The publication is as it should be.'];
  return testedScript(publish.sql, tests);
}

/** For a server that nobody could reach when its shop was forgotten: the slot would fill its disk. */
export function dropSlotStatement(slotName: string): string {
  const name = pg.escapeLiteral(slotName);
  return `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${name}`;
}

/** The way back: the publication first, then what attaching changed. Tables without facts are not tested. */
export function detachSteps(
  { publicationName, identities }: Pick<StreamRow, 'publicationName' | 'identities'>,
  tables: readonly TableFacts[],
): UndoStep[] {
  return [
    { sql: `DROP PUBLICATION IF EXISTS ${pg.escapeIdentifier(publicationName)}`, tests: [] },
    ...Object.entries(identities).map(([table, before]) => ({
      sql: identitySql(table, before),
      tests: testsOf(tables.filter((facts) => facts.table === table)),
    })),
  ];
}

/** One step back as SQL for a DBA. */
export function undoScript({ sql, tests }: UndoStep): string {
  if (tests.length === 0) return `${sql};`;
  const why =
    '-- The test (EXPLAIN) fails as the shop’s own updates would: as long as it does, the identity has to stay.';
  return [why, ...testedScript([sql], tests)].join('\n');
}
