import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import { oneOf } from '../../platform/database/entity.js';
import type { ExpectedTable, PlannedChange, RefusalReason } from '../../shops/shop-adapter.js';
import type { ItemSource, PlanItem, Risk } from './plan.js';

/** One order's part of a plan: exact, or left to a person with the reason. The database holds it still. */
@Entity('restore_plan_item')
@Unique(['planId', 'orderId'])
@Unique(['planId', 'sequence'])
@Check('restore_plan_item_disposition_check', oneOf('disposition', ['reopen', 'person']))
@Check('restore_plan_item_check', `(disposition = 'person') = (reason IS NOT NULL)`)
@Check(
  'restore_plan_item_check1',
  `disposition = 'person' OR (expected_status IS NOT NULL AND jsonb_array_length(changes) > 0)`,
)
export class PlanItemEntity implements PlanItem {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('restore_plan') @Column('uuid') readonly planId!: string;
  @ForeignKey('incident_case') @Column('uuid') readonly caseId!: string;
  @Column('text') readonly orderId!: string;
  @Column('text', { nullable: true }) readonly orderNumber!: string | null;
  /** orders are restored in this order */
  @Column('integer') readonly sequence!: number;
  @Column('text') readonly disposition!: 'reopen' | 'person';
  /** from the closed list of refusals, where a person has to decide */
  @Column('text', { nullable: true }) readonly reason!: RefusalReason | null;
  @Column('text', { nullable: true }) readonly detail!: string | null;
  /** the status that the order must still have */
  @Column('text', { nullable: true }) readonly expectedStatus!: string | null;
  @Column('jsonb') readonly changes!: readonly PlannedChange[];
  /** how all of the order's own rows must still stand, also those that are not written */
  @Column('jsonb') readonly expect!: readonly ExpectedTable[];
  /** the order as it was before its cancellation, for people */
  @Column('jsonb', { nullable: true }) readonly before!: OrderSnapshot | null;
  @Column('jsonb') readonly source!: ItemSource;
  @Column('jsonb') readonly risks!: readonly Risk[];
}
