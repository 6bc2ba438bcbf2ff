import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { actorKinds, type ActorKind } from '../orders/order-event.js';
import { oneOf } from '../platform/database/entity.js';
import { caseStates, type Case, type CaseState } from './case.js';
import type { Company, VerdictFacts } from './verdict/facts.js';
import { verdicts, type Reason, type Verdict } from './verdict/verdict.js';

/** One affected order in one incident. */
@Entity('incident_case')
@Unique(['incidentId', 'orderId'])
@Index('incident_case_listed', ['incidentId', 'createdAt', 'id'])
@Index('incident_case_order', ['shopId', 'orderId'])
@Index('incident_case_number', ['shopId', 'orderNumber'])
@Index('incident_case_cancelled', ['incidentId', 'cancelPosition'])
@Index('incident_case_settles', ['incidentId', 'settlesAt'], { where: 'settles_at IS NOT NULL' })
@Index('incident_case_restored', ['shopId', 'currency', 'heldMinor'], {
  where: "state = 'restored'",
})
@Index('incident_case_unread', ['incidentId'], { where: 'unread' })
@Check('incident_case_state_check', oneOf('state', caseStates))
@Check('incident_case_verdict_check', oneOf('verdict', verdicts))
@Check('incident_case_evidence_check', oneOf('evidence', ['journal', 'none']))
@Check('incident_case_actor_kind_check', oneOf('actor_kind', actorKinds))
export class CaseEntity implements Case {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('incident') @Column('uuid') readonly incidentId!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('text') readonly orderId!: string;
  @Column('text', { nullable: true }) readonly orderNumber!: string | null;
  @Column('text') readonly state!: CaseState;
  @Column('text') readonly verdict!: Verdict;
  @Column('jsonb') readonly reasons!: readonly Reason[];
  /** who gave the verdict by hand; then it is not judged again */
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly verdictBy!: string | null;
  /** what the verdict was judged by: the order's own signs */
  @Column('jsonb', { nullable: true }) readonly facts!: VerdictFacts | null;
  /** and what the other cases have in common with it */
  @Column('jsonb', { nullable: true }) readonly company!: Company | null;
  /** more may still be written about the cancellation until then */
  @Column('timestamptz', { nullable: true }) readonly settlesAt!: Date | null;
  /** the order's journal has to be read again: nobody looked while the case was not to be judged */
  @Column('boolean', { default: false }) readonly unread!: boolean;
  /** 'none' for orders hit before the attach */
  @Column('text') readonly evidence!: 'journal' | 'none';
  @Column('bigint', { nullable: true }) readonly cancelPosition!: number | null;
  @Column('timestamptz', { nullable: true }) readonly cancelledAt!: Date | null;
  /** the shop's own trace of the cancellation, where it left one */
  @Column('text', { nullable: true }) readonly traceparent!: string | null;
  @Column('text', { default: 'unknown' }) readonly actorKind!: ActorKind;
  @Column('text', { nullable: true }) readonly actor!: string | null;
  @Column('text', { nullable: true }) readonly cancelReason!: string | null;
  @Column('text', { nullable: true }) readonly customerId!: string | null;
  @Column('bigint', { nullable: true }) readonly totalMinor!: number | null;
  /** money that the shop holds of this order */
  @Column('bigint', { nullable: true }) readonly heldMinor!: number | null;
  @Column('text', { nullable: true }) readonly currency!: string | null;
  @Column('timestamptz') readonly createdAt!: Date;
  @Column('timestamptz') readonly updatedAt!: Date;
  @Column('integer', { default: 1 }) readonly version!: number;
}
