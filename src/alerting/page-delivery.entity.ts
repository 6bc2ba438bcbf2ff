import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';

/** A page on its way to one receiver. */
@Entity('page_delivery')
@Unique(['pageId', 'receiver'])
@Index('page_delivery_due', ['nextAttemptAt'], { where: `state = 'pending'` })
@Check('page_delivery_state_check', oneOf('state', ['pending', 'delivered', 'failed']))
@Check('page_delivery_check', `(state = 'pending') = (next_attempt_at IS NOT NULL)`)
@Check('page_delivery_check1', `(state = 'delivered') = (delivered_at IS NOT NULL)`)
export class PageDeliveryEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('page') @Column('uuid') readonly pageId!: string;
  @Column('text') readonly receiver!: string;
  @Column('text') readonly state!: 'pending' | 'delivered' | 'failed';
  @Column('integer', { default: 0 }) readonly attempts!: number;
  @Column('timestamptz', { nullable: true }) readonly nextAttemptAt!: Date | null;
  @Column('text', { nullable: true }) readonly lastError!: string | null;
  @Column('timestamptz', { nullable: true }) readonly deliveredAt!: Date | null;
  @Column('timestamptz', { nullable: true }) readonly lastAttemptAt!: Date | null;
}
