import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { oneOf } from '../../platform/database/entity.js';
import type { PlanAction } from '../plans/plan.js';
import { runStates, type Run, type RunLimits, type RunState, type StopReason } from './run.js';

/** A plan being carried out; a plan is run once. */
@Entity('restore_run')
@Index('restore_run_active', ['shopId'], { where: oneOf('state', ['running', 'paused']) })
@Index('restore_run_incident', ['incidentId', 'startedAt'])
@Check('restore_run_action_check', oneOf('action', ['restore', 'undo']))
@Check('restore_run_state_check', oneOf('state', runStates))
@Check('restore_run_bleeding_override_check', `bleeding_override <> ''`)
@Check('restore_run_check', `(${oneOf('state', ['stopped', 'finished'])}) = (ended_at IS NOT NULL)`)
export class RunEntity implements Run {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('restore_plan') @Column('uuid', { unique: true }) readonly planId!: string;
  @ForeignKey('incident') @Column('uuid') readonly incidentId!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('text') readonly action!: PlanAction;
  @Column('text') readonly planHash!: string;
  @Column('text') readonly state!: RunState;
  /** canary stages: 0 is the first order, 1 the next ten, 2 the rest */
  @Column('integer', { default: 0 }) readonly stage!: number;
  @Column('text', { nullable: true }) readonly stopReason!: StopReason | null;
  @Column('jsonb') readonly limits!: RunLimits;
  @ForeignKey('person') @Column('uuid') readonly startedBy!: string;
  @Column('timestamptz') readonly startedAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly endedAt!: Date | null;
  /** the plan's SQL was run in the shop's database by a person, and recognised by its markers */
  @Column('boolean', { default: false }) readonly byHand!: boolean;
  /** why a person started it although matching cancellations still came */
  @Column('text', { nullable: true }) readonly bleedingOverride!: string | null;
  /** the shop's journal position up to which cancellations were known when it was started or resumed */
  @Column('bigint') readonly bleedPosition!: number;
  /** of the version before, which counted attempts from here; not read any more */
  @Column('bigint', { default: 0 }) readonly countedFrom!: number;
  /** how attempts ended since the start or the last resume, counted as they end */
  @Column('integer', { default: 0 }) readonly endedOrders!: number;
  @Column('integer', { default: 0 }) readonly failedOrders!: number;
  @Column('integer', { default: 0 }) readonly lockedInRow!: number;
  /** since when nothing but unknown outcomes is left to wait for, once that was paged */
  @Column('timestamptz', { nullable: true }) readonly waitingSince!: Date | null;
  @Column('integer', { default: 1 }) readonly version!: number;
}
