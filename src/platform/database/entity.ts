import {
  Column,
  getMetadataArgsStorage,
  type ColumnType,
  type EntityManager,
  type FindManyOptions,
  type FindOptionsWhere,
  type InsertResult,
  type Repository,
  type UpdateResult,
} from 'typeorm';
import { columnNameOf } from './naming.js';

/** A class that states the shape of one table (`x.entity.ts`). It has columns and nothing else: no relations. */
export type EntityClass<Entity extends object = object> = new () => Entity;

/**
 * What a store may do to a plain table without writing SQL: each of these is one statement. Whatever
 * locks, claims or counts is written out. Rows are read whole: of a part, TypeORM makes objects whose other
 * properties are there and undefined, and where all of the part is null it gives nothing.
 */
export interface PlainRepository<Entity extends object> extends Pick<
  Repository<Entity>,
  'findOneBy' | 'exists' | 'existsBy' | 'delete'
> {
  find(options?: Pick<FindManyOptions<Entity>, 'where' | 'order'>): Promise<Entity[]>;
  insert(row: Partial<Entity>): Promise<InsertResult>;
  update(where: FindOptionsWhere<Entity>, change: Partial<Entity>): Promise<UpdateResult>;
}

/**
 * The table of an entity, through a connection or within a transaction. TypeORM's own type of a row to be
 * written looks into JSON values as if they were rows too, and so refuses an `unknown` one: hence the cast.
 */
export function plainRepository<Entity extends object>(
  manager: EntityManager,
  entity: EntityClass<Entity>,
): PlainRepository<Entity> {
  return manager.getRepository(entity) as unknown as PlainRepository<Entity>;
}

const unknownToTypeorm: string = 'pg_lsn';

/** A place in the shop's write-ahead log; read as text. */
export const pgLsn = unknownToTypeorm as ColumnType;

/** A number that the database gives out and nobody can set. TypeORM itself has that for primary keys only. */
export function IdentityColumn(): PropertyDecorator {
  const identity = { generated: 'identity', generatedIdentity: 'ALWAYS' } as const;
  return Column({ type: 'bigint', unique: true, ...identity });
}

/** The check of a column that holds one of a closed list: the list that the code works with. */
export function oneOf(column: string, values: readonly string[]): string {
  return `${column} IN (${values.map((value) => `'${value}'`).join(', ')})`;
}

/**
 * An entity's columns for a SELECT that is written out, under the names of its properties:
 * `a.id AS "id", a.shop_id AS "shopId", ...`; without those that are never selected.
 */
export function columnsOf(entity: EntityClass, alias: string): string {
  return getMetadataArgsStorage()
    .filterColumns(entity)
    .filter(({ options }) => options.select !== false)
    .map(({ propertyName }) => `${alias}."${columnNameOf(propertyName)}" AS "${propertyName}"`)
    .join(', ');
}
