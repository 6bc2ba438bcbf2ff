import { describe, expect, it } from '@jest/globals';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { columnsOf, oneOf } from './entity.js';
import { PostgresNaming } from './naming.js';

@Entity('parcel')
class ParcelEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @Column('text') readonly where!: string;
  @Column('timestamptz', { nullable: true }) readonly sentAt!: Date | null;
  @Column('bytea', { select: false }) readonly sealHash!: Buffer;
}

it('lists the columns of an entity under its own names, but never those that are not selected', () => {
  expect(columnsOf(ParcelEntity, 'p')).toBe(
    'p."id" AS "id", p."where" AS "where", p."sent_at" AS "sentAt"',
  );
});

it('spells the check of a closed list', () => {
  expect(oneOf('state', ['open', 'closed'])).toBe(`state IN ('open', 'closed')`);
});

describe('names are those that PostgreSQL gives', () => {
  const naming = new PostgresNaming();

  it('to columns', () => {
    expect(naming.columnName('settledTransactionId', undefined)).toBe('settled_transaction_id');
    expect(naming.columnName('where', 'place')).toBe('place');
  });

  it('to keys, in the order of their columns', () => {
    expect(naming.primaryKeyName('person')).toBe('person_pkey');
    expect(naming.uniqueConstraintName('page_delivery', ['page_id', 'receiver'])).toBe(
      'page_delivery_page_id_receiver_key',
    );
    expect(naming.foreignKeyName('reinstate.shop', ['armed_by'])).toBe('shop_armed_by_fkey');
  });
});
