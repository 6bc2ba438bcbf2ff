import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';
import type { Alert } from './alert.js';

/** A finding that pages; one of a fingerprint fires at a time. */
@Entity('alert')
@Index('alert_firing', ['fingerprint'], { unique: true, where: `state = 'firing'` })
@Check('alert_state_check', oneOf('state', ['firing', 'resolved']))
export class AlertEntity implements Alert {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @ForeignKey('finding') @Column('uuid', { unique: true }) readonly findingId!: string;
  /** the version of the finding that this alert tells of */
  @Column('integer') readonly findingVersion!: number;
  @Column('text') readonly name!: string;
  @Column('text') readonly fingerprint!: string;
  @Column('text') readonly state!: 'firing' | 'resolved';
  @Column('jsonb') readonly labels!: Readonly<Record<string, string>>;
  @Column('jsonb') readonly annotations!: Readonly<Record<string, string>>;
  @Column('timestamptz') readonly startsAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly endsAt!: Date | null;
  /** grows with each change: readers compare it with the one they have seen */
  @Column('integer', { default: 1 }) readonly version!: number;
}
