import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import { oneOf } from '../../platform/database/entity.js';
import type { Approval } from './approval.js';

/** What one person said of a plan, bound to the hash that they were shown: one vote, however many tokens. */
@Entity('restore_approval')
@Unique(['planId', 'personId'])
@Check('restore_approval_decision_check', oneOf('decision', ['approved', 'rejected']))
@Check('restore_approval_check', `NOT break_glass OR reason <> ''`)
export class ApprovalEntity implements Omit<Approval, 'person' | 'mayApprove'> {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('restore_plan') @Column('uuid') readonly planId!: string;
  @Column('text') readonly planHash!: string;
  @ForeignKey('person') @Column('uuid') readonly personId!: string;
  @Column('text') readonly decision!: 'approved' | 'rejected';
  /** given against the rule of two persons, with a reason */
  @Column('boolean', { default: false }) readonly breakGlass!: boolean;
  @Column('text', { nullable: true }) readonly reason!: string | null;
  @Column('timestamptz') readonly at!: Date;
  @Column('timestamptz') readonly expiresAt!: Date;
}
