import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';
import { changeKinds, type ChangeKind } from './change-mark.js';

/** A deploy, a changed setting, a person's action: what may have caused what follows. */
@Entity('change_mark')
@Index('change_mark_at', ['at'])
@Check('change_mark_kind_check', oneOf('kind', changeKinds))
export class ChangeMarkEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  /** null where it concerns all shops */
  @ForeignKey('shop') @Column('text', { nullable: true }) readonly shopId!: string | null;
  @Column('text') readonly what!: string;
  @Column('text') readonly kind!: ChangeKind;
  @Column('text', { nullable: true }) readonly where!: string | null;
  @Column('text', { nullable: true }) readonly who!: string | null;
  @Column('text', { nullable: true }) readonly link!: string | null;
  @Column('timestamptz') readonly at!: Date;
  @Column('timestamptz') readonly recordedAt!: Date;
}
