import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A shop that is watched, and whether it may be written to. */
@Entity('shop')
@Check('shop_id_check', `id ~ '^[a-z0-9][a-z0-9-]{0,62}$'`)
export class ShopEntity {
  @PrimaryColumn('text') readonly id!: string;
  @Column('text') readonly name!: string;
  @Column('text') readonly profileName!: string;
  @Column('text') readonly profileHash!: string;
  /** position of the newest journal entry; raised under this row's lock at the end of each append */
  @Column('bigint', { default: 0 }) readonly journalHead!: number;
  /** nothing is written to a shop that is not armed */
  @Column('timestamptz', { nullable: true }) readonly armedAt!: Date | null;
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly armedBy!: string | null;
  /** the kill switch: while set, no restore starts or goes on */
  @Column('timestamptz', { nullable: true }) readonly stoppedAt!: Date | null;
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly stoppedBy!: string | null;
  @Column('text', { nullable: true }) readonly stopReason!: string | null;
  @Column('timestamptz') readonly createdAt!: Date;
}
