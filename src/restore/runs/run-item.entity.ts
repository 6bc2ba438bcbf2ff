import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { oneOf } from '../../platform/database/entity.js';
import type { FailureReason, RefusalReason } from '../../shops/shop-adapter.js';
import type { PlanAction } from '../plans/plan.js';
import {
  itemStates,
  settledOutcomes,
  type ItemState,
  type RunItem,
  type SettledOutcome,
} from './run.js';

/** Under way or done; an item that was written and then found to differ counts as done. */
const claimsTheOrder =
  `${oneOf('state', ['attempting', 'unknown', 'applied', 'verified'])} ` +
  `OR (state = 'failed' AND applied_at IS NOT NULL)`;

/**
 * One order within a run. Exactly once: of all runs of all plans of all incidents, one restore of a
 * cancellation (and one undo of a restore) may be under way or done; `restore_once` holds that.
 */
@Entity('restore_run_item')
@Unique(['runId', 'planItemId'])
@Index('restore_run_item_due', ['runId', 'state', 'sequence'])
@Index('restore_run_item_order', ['shopId', 'orderId'])
@Index('restore_run_item_plan_item', ['planItemId'])
@Index('restore_once', ['shopId', 'orderId', 'action', 'spanPosition'], {
  unique: true,
  where: claimsTheOrder,
})
@Index('restore_run_item_applied', ['shopId', 'appliedAt'], { where: 'applied_at IS NOT NULL' })
@Index('restore_run_item_under_way', ['shopId', 'updatedAt'], {
  where: oneOf('state', ['attempting', 'unknown']),
})
@Index('restore_run_item_open', ['runId'], {
  where: oneOf('state', ['attempting', 'unknown', 'applied']),
})
@Check('restore_run_item_settled_outcome_check', oneOf('settled_outcome', settledOutcomes))
@Check('restore_run_item_action_check', oneOf('action', ['restore', 'undo']))
@Check('restore_run_item_state_check', oneOf('state', itemStates))
@Check('restore_run_item_check', `(state = 'verified') <= (verified_at IS NOT NULL)`)
export class RunItemEntity implements RunItem {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('restore_run') @Column('uuid') readonly runId!: string;
  @ForeignKey('restore_plan_item') @Column('uuid') readonly planItemId!: string;
  @ForeignKey('incident_case') @Column('uuid') readonly caseId!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('text') readonly action!: PlanAction;
  @Column('text') readonly orderId!: string;
  @Column('text', { nullable: true }) readonly orderNumber!: string | null;
  /** the journal entry that cancelled the order (or, for an undo, that restored it) */
  @Column('bigint') readonly spanPosition!: number;
  @Column('integer') readonly sequence!: number;
  @Column('integer') readonly stage!: number;
  @Column('text') readonly state!: ItemState;
  @Column('text', { nullable: true }) readonly reason!: RefusalReason | FailureReason | null;
  @Column('text', { nullable: true }) readonly detail!: string | null;
  @Column('integer', { default: 0 }) readonly attempts!: number;
  /** a failing item is tried so often; raised by a retry */
  @Column('integer') readonly attemptsMax!: number;
  @Column('timestamptz', { nullable: true }) readonly nextAttemptAt!: Date | null;
  /** noted inside the shop's transaction just before its commit */
  @Column('bigint', { nullable: true }) readonly transactionId!: number | null;
  @Column('text', { nullable: true }) readonly incarnation!: string | null;
  @Column('timestamptz', { nullable: true }) readonly appliedAt!: Date | null;
  /** the journal position at which our own stream brought the restore back */
  @Column('bigint', { nullable: true }) readonly echoPosition!: number | null;
  /** and what it showed beside the plan */
  @Column('text', { nullable: true }) readonly echoDifference!: string | null;
  @Column('timestamptz', { nullable: true }) readonly verifiedAt!: Date | null;
  /** the first entry of the order after its restore */
  @Column('bigint', { nullable: true }) readonly changedPosition!: number | null;
  /** what a person said of an attempt whose outcome was unknown, and of which transaction of the shop */
  @Column('text', { nullable: true }) readonly settledOutcome!: SettledOutcome | null;
  @Column('bigint', { nullable: true }) readonly settledTransactionId!: number | null;
  @Column('timestamptz') readonly updatedAt!: Date;
}
