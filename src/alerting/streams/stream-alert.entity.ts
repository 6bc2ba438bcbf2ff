import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { oneOf } from '../../platform/database/entity.js';

/** What is wrong with a shop's stream of order changes; one of a fingerprint is open at a time. */
@Entity('stream_alert')
@Index('stream_alert_open', ['fingerprint'], { unique: true, where: `state <> 'resolved'` })
@Index('stream_alert_starts', ['startsAt', 'id'])
@Check('stream_alert_state_check', oneOf('state', ['pending', 'firing', 'resolved']))
@Check('stream_alert_check', `(state = 'pending') = (starts_at IS NULL)`)
@Check('stream_alert_check1', `(state = 'resolved') = (ends_at IS NOT NULL)`)
export class StreamAlertEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('text') readonly name!: string;
  @Column('text') readonly fingerprint!: string;
  /** pending: seen, but not for long enough to wake somebody */
  @Column('text') readonly state!: 'pending' | 'firing' | 'resolved';
  @Column('jsonb') readonly labels!: Readonly<Record<string, string>>;
  @Column('jsonb') readonly annotations!: Readonly<Record<string, string>>;
  /** when the cause was first and last seen */
  @Column('timestamptz') readonly seenSince!: Date;
  @Column('timestamptz') readonly seenAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly startsAt!: Date | null;
  @Column('timestamptz', { nullable: true }) readonly endsAt!: Date | null;
  @Column('integer', { default: 1 }) readonly version!: number;
}
