import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { pgLsn } from '../../platform/database/entity.js';

/** Some of the changes of a transaction that is too big for memory, kept as they came, sealed. */
@Entity('replication_part')
export class ReplicationPartEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn(pgLsn) readonly commitLsn!: string;
  @PrimaryColumn('integer') readonly number!: number;
  @Column('jsonb') readonly changes!: unknown;
  @Column('integer') readonly bytes!: number;
  @Column('timestamptz') readonly createdAt!: Date;
}
