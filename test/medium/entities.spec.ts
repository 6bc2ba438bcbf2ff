import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Check,
  Column,
  DataSource,
  Entity,
  ForeignKey,
  PrimaryColumn,
  type DataSourceOptions,
} from 'typeorm';
import { IdempotencyKeyEntity } from '../../src/access/idempotency-key.entity.js';
import { PersonEntity } from '../../src/access/person.entity.js';
import { entities } from '../../src/entities.js';
import { PersonalKeyEntity } from '../../src/journal/personal-key.entity.js';
import { pgLsn, type EntityClass } from '../../src/platform/database/entity.js';
import { newId } from '../../src/platform/ids.js';
import { RestoreCursorEntity } from '../../src/restore/runs/restore-cursor.entity.js';
import { ShopEntity } from '../../src/shops/shop.entity.js';
import {
  createReinstateDatabase,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';
import { describeSchema, tablesOf, triggersOf } from '../support/schema.js';

/** Tables without an entity, and why. */
const withoutEntity = {
  schema_migration: 'TypeORM keeps it itself, and no code of ours reads it',
};

let test: ReinstateTestDatabase;
beforeEach(async () => {
  test = await createReinstateDatabase();
});
afterEach(() => test.drop());

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** Runs `work` with the service's own settings, but for the entities or the schema. */
async function withDataSource<T>(
  changed: { entities?: EntityClass[]; schema?: string },
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const settings = test.database.dataSource.options as PostgresOptions;
  const dataSource = new DataSource({ ...settings, ...changed, url: test.url });
  dataSource.driver.supportedDataTypes.push(pgLsn);
  await dataSource.initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** What TypeORM would do to the migrated schema to make it fit the entities. */
async function repairs(dataSource: DataSource): Promise<string[]> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => query);
}

function instead(entity: EntityClass, altered: EntityClass): EntityClass[] {
  return entities.map((each) => (each === entity ? altered : each));
}

/** The schema that the entities alone would make, in an empty one beside the migrated one. */
async function schemaOfEntities(given: readonly EntityClass[]): Promise<string[]> {
  const schema = 'of_entities';
  await withClient(test.url, (client) => client.query(`CREATE SCHEMA ${schema}`));
  await withDataSource({ entities: [...given], schema }, async (dataSource) => {
    for (const query of await repairs(dataSource)) await dataSource.query(query);
  });
  return describeSchema(test.url, schema);
}

async function schemaOfMigrations(): Promise<string[]> {
  const lines = await describeSchema(test.url, 'reinstate');
  return lines.filter((line) => !/^schema_migration\b/.test(line));
}

describe('entities and migrations', () => {
  it('TypeORM finds nothing to repair', async () => {
    expect(await repairs(test.database.dataSource)).toEqual([]);
  });

  it('make the same schema, to the expression of each check and the order of each index', async () => {
    expect(await schemaOfEntities(entities)).toEqual(await schemaOfMigrations());
  });

  it('every table has an entity, or a reason to have none', async () => {
    const stated = test.database.dataSource.entityMetadatas.map(({ tableName }) => tableName);
    const tables = await tablesOf(test.url, 'reinstate');
    expect(tables.map(({ name }) => name)).toEqual(
      [...stated, ...Object.keys(withoutEntity)].sort(),
    );
  });
});

describe('drift is found', () => {
  it('a column that no migration makes', async () => {
    @Entity('person')
    class WithPhone extends PersonEntity {
      @Column('text', { nullable: true }) readonly phone!: string | null;
    }
    const found = await withDataSource({ entities: instead(PersonEntity, WithPhone) }, repairs);
    expect(found).toEqual(['ALTER TABLE "person" ADD "phone" text']);
  });

  it('a column that may be null in only one of the two', async () => {
    @Entity('restore_cursor')
    class Unread {
      @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
      @Column('bigint', { nullable: true }) readonly position!: number | null;
      @Column('timestamptz') readonly updatedAt!: Date;
    }
    const found = await withDataSource({ entities: instead(RestoreCursorEntity, Unread) }, repairs);
    expect(found).toEqual(['ALTER TABLE "restore_cursor" ALTER COLUMN "position" DROP NOT NULL']);
  });

  it('a check of another meaning under the same name, which TypeORM itself does not see', async () => {
    @Entity('personal_key')
    @Check('personal_key_check', 'wrapped_key IS NOT NULL OR erased_at IS NOT NULL')
    class Laxer {
      @PrimaryColumn('text') readonly shopId!: string;
      @PrimaryColumn('text') readonly keyOf!: string;
      @Column('bytea', { nullable: true }) readonly wrappedKey!: Buffer | null;
      @Column('timestamptz') readonly createdAt!: Date;
      @Column('timestamptz', { nullable: true }) readonly erasedAt!: Date | null;
    }
    const altered = instead(PersonalKeyEntity, Laxer);
    expect(await withDataSource({ entities: altered }, repairs)).toEqual([]);
    const migrated = new Set(await schemaOfMigrations());
    const differing = (await schemaOfEntities(altered)).filter((line) => !migrated.has(line));
    expect(differing).toEqual([
      'personal_key personal_key_check CHECK (((wrapped_key IS NOT NULL) OR (erased_at IS NOT NULL)))',
    ]);
  });

  it('a table that no migration makes', async () => {
    @Entity('wish')
    class Wish {
      @PrimaryColumn('uuid') readonly id!: string;
    }
    const found = await withDataSource({ entities: [...entities, Wish] }, repairs);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('CREATE TABLE "wish"');
  });
});

describe('what no entity can state', () => {
  it('only the journal is partitioned, by the time of the commit at its source', async () => {
    const tables = await tablesOf(test.url, 'reinstate');
    expect(tables.filter(({ partitionedBy }) => partitionedBy !== null)).toEqual([
      { name: 'journal_entry', partitionedBy: 'RANGE (committed_at)' },
    ]);
  });

  it('triggers hold what is never changed', async () => {
    expect(await triggersOf(test.url, 'reinstate')).toEqual([
      'audit_entry audit_entry_append_only',
      'journal_entry journal_entry_append_only',
      'journal_entry journal_entry_no_truncate',
      'person person_stays',
      'restore_approval restore_approval_append_only',
      'restore_attempt restore_attempt_append_only',
      'restore_marker restore_marker_append_only',
      'restore_plan restore_plan_keep',
      'restore_plan restore_plan_no_delete',
      'restore_plan_item restore_plan_item_append_only',
      'runbook_run runbook_run_keep',
      'runbook_run runbook_run_no_delete',
      'shop shop_stays',
      'timeline_entry timeline_entry_append_only',
    ]);
  });

  it.each([
    'DELETE FROM reinstate.shop',
    `UPDATE reinstate.shop SET id = 'other'`,
    'TRUNCATE reinstate.shop CASCADE',
    'DELETE FROM reinstate.person',
    'UPDATE reinstate.person SET id = gen_random_uuid()',
  ])('nobody may %s: rows without a foreign key tell of them', async (statement) => {
    await withClient(test.url, async (client) => {
      await expect(client.query(statement)).rejects.toThrow('is referred to for ever');
    });
  });

  it('and the runtime role has no right to do what they refuse', async () => {
    const tables = (await triggersOf(test.url, 'reinstate'))
      .map((line) => line.split(' '))
      .filter(([, trigger]) => trigger?.endsWith('_append_only'))
      .map(([table]) => table);
    const granted = await withClient(test.url, (client) =>
      client.query<{ table_name: string }>(
        `SELECT table_name, privilege_type FROM information_schema.role_table_grants
         WHERE grantee = 'reinstate_runtime' AND table_schema = 'reinstate' AND table_name = ANY($1)
           AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')`,
        [tables],
      ),
    );
    expect(tables.length).toBeGreaterThan(5);
    expect(granted.rows).toEqual([]);
  });
});

describe('a repository', () => {
  const shop = {
    id: 'books',
    name: 'Books',
    profileName: 'sample-shop',
    profileHash: 'h',
    createdAt: new Date('2026-11-22T03:00:00Z'),
  };

  it('reads rows as the SQL of the stores does', async () => {
    await test.database.repository(ShopEntity).insert(shop);
    const read = await test.database.repository(ShopEntity).findOneBy({ id: 'books' });
    expect(read).toEqual({
      ...shop,
      journalHead: 0,
      ...{ armedAt: null, armedBy: null },
      ...{ stoppedAt: null, stoppedBy: null, stopReason: null },
    });
  });

  it.each([[{ text: "it's" }], [['a', null]], ['text'], [0], [false]])(
    'keeps the JSON value %j as it is',
    async (answer) => {
      const { createdAt } = shop;
      const personId = newId();
      const person = { id: personId, name: 'Ada', kind: 'person', createdAt } as const;
      await test.database.repository(PersonEntity).insert(person);
      const keys = test.database.repository(IdempotencyKeyEntity);
      const request = { request: 'POST /', requestHash: Buffer.from('h'), createdAt };
      await keys.insert({ personId, key: 'once', ...request, answer: 'other' });
      await keys.update({ personId, key: 'once' }, { answer });
      expect(await keys.findOneBy({ personId, key: 'once' })).toMatchObject({ ...request, answer });
    },
  );

  it('belongs to its transaction', async () => {
    const refused = test.database.transaction(async (transaction) => {
      await transaction.repository(ShopEntity).insert(shop);
      expect(await transaction.repository(ShopEntity).existsBy({ id: 'books' })).toBe(true);
      throw new Error('taken back');
    });
    await expect(refused).rejects.toThrow('taken back');
    expect(await test.database.repository(ShopEntity).exists()).toBe(false);
  });
});
