import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { IdentityColumn, oneOf } from '../../platform/database/entity.js';
import { planStates, type Plan, type PlanAction, type PlanState } from './plan.js';

/** What is to be written for which orders. Only its state changes: the database holds the rest still. */
@Entity('restore_plan')
@Index('restore_plan_incident', ['incidentId', 'number'])
@Index('restore_plan_expiry', ['expiresAt'], { where: oneOf('state', ['proposed', 'approved']) })
@Check('restore_plan_action_check', oneOf('action', ['restore', 'undo']))
@Check('restore_plan_state_check', oneOf('state', planStates))
@Check('restore_plan_approvals_needed_check', 'approvals_needed BETWEEN 0 AND 5')
@Check('restore_plan_check', `(action = 'undo') = (undoes_run_id IS NOT NULL)`)
export class PlanEntity implements Plan {
  @PrimaryColumn('uuid') readonly id!: string;
  /** what people call it by */
  @IdentityColumn() readonly number!: number;
  @ForeignKey('incident') @Column('uuid') readonly incidentId!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('text') readonly action!: PlanAction;
  /** the run that an undo plan takes back */
  @Column('uuid', { nullable: true }) readonly undoesRunId!: string | null;
  @Column('text') readonly state!: PlanState;
  /** SHA-256 over the canonical form of all items: what an approval is bound to */
  @Column('text') readonly hash!: string;
  @Column('integer') readonly approvalsNeeded!: number;
  @ForeignKey('person') @Column('uuid') readonly requestedBy!: string;
  @Column('timestamptz') readonly createdAt!: Date;
  @Column('timestamptz') readonly expiresAt!: Date;
  @Column('integer', { default: 1 }) readonly version!: number;
}
