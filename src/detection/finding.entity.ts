import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';
import type { FindingMeasure, Slice } from './detector.js';
import type { Finding } from './finding.js';

/** What a detector saw; one of a fingerprint is live at a time. */
@Entity('finding')
@Index('finding_live', ['fingerprint'], { unique: true, where: `state = 'live'` })
@Index('finding_shop', ['shopId', 'foundAt'])
@Check('finding_state_check', oneOf('state', ['live', 'closed']))
export class FindingEntity implements Finding {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('text') readonly detector!: string;
  @Column('text') readonly fingerprint!: string;
  @Column('text') readonly state!: 'live' | 'closed';
  @Column('jsonb') readonly slice!: Slice;
  @Column('text') readonly sentence!: string;
  /** numbers of the sentence: orders, customers, money, expected, chance, trend */
  @Column('jsonb') readonly measure!: FindingMeasure;
  @Column('timestamptz') readonly firstEventAt!: Date;
  @Column('timestamptz') readonly lastEventAt!: Date;
  @Column('timestamptz') readonly foundAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly closedAt!: Date | null;
  /** when the shop committed the change that made it; null where time alone made it, and before that was noted */
  @Column('timestamptz', { nullable: true }) readonly committedAt!: Date | null;
  /** grows with each change: readers compare it with the one they have seen */
  @Column('integer', { default: 1 }) readonly version!: number;
}
