import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import { oneOf } from '../../platform/database/entity.js';

const outcomes = [
  'started',
  'applied',
  'refused',
  'failed',
  'retry',
  'unknown',
  'not-applied',
] as const;

/** What happened at an attempt, in order. It is begun once, and written down before the shop is touched. */
@Entity('restore_attempt')
@Index('restore_attempt_item', ['runItemId', 'id'])
@Index('restore_attempt_started', ['runItemId', 'attempt'], {
  unique: true,
  where: `outcome = 'started'`,
})
@Check('restore_attempt_outcome_check', oneOf('outcome', outcomes))
export class AttemptEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' })
  readonly id!: number;
  @ForeignKey('restore_run_item') @Column('uuid') readonly runItemId!: string;
  @Column('integer') readonly attempt!: number;
  @Column('timestamptz') readonly at!: Date;
  @Column('text') readonly outcome!: (typeof outcomes)[number];
  @Column('text', { nullable: true }) readonly reason!: string | null;
  @Column('text', { nullable: true }) readonly detail!: string | null;
  @Column('bigint', { nullable: true }) readonly transactionId!: number | null;
}
