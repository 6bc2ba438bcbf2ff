import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { pgLsn } from '../../platform/database/entity.js';

/** A transaction of the shop that could not be interpreted yet, kept as it came, sealed. */
@Entity('replication_spool')
export class ReplicationSpoolEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn(pgLsn) readonly endLsn!: string;
  @Column('jsonb') readonly transaction!: unknown;
  @Column('timestamptz') readonly createdAt!: Date;
}
