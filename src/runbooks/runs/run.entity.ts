import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { IdentityColumn, oneOf } from '../../platform/database/entity.js';
import { runbookRunStates, type RunbookRun, type RunbookRunState } from './run.js';

/** A runbook being worked through for an incident, pinned to its text. */
@Entity('runbook_run')
@Index('runbook_run_incident', ['incidentId', 'number'])
@Index('runbook_run_running', ['id'], { where: `state = 'running'` })
@Index('runbook_run_open', ['incidentId', 'runbook'], {
  unique: true,
  where: `${oneOf('state', ['running', 'paused', 'stopped'])} AND NOT dry_run`,
})
@Check('runbook_run_runbook_check', `runbook <> ''`)
@Check('runbook_run_state_check', oneOf('state', runbookRunStates))
@Check('runbook_run_check', `(${oneOf('state', ['finished', 'aborted'])}) = (ended_at IS NOT NULL)`)
export class RunbookRunEntity implements RunbookRun {
  @PrimaryColumn('uuid') readonly id!: string;
  @IdentityColumn() readonly number!: number;
  @ForeignKey('incident') @Column('uuid') readonly incidentId!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  /** the alert's name, which is the file's */
  @Column('text') readonly runbook!: string;
  @Column('text') readonly text!: string;
  @Column('text') readonly textHash!: string;
  @Column('boolean') readonly dryRun!: boolean;
  @Column('jsonb') readonly assumptions!: Readonly<Record<string, string>>;
  @Column('text') readonly state!: RunbookRunState;
  @ForeignKey('person') @Column('uuid') readonly startedBy!: string;
  @Column('timestamptz') readonly startedAt!: Date;
  /** who started or last resumed it: its steps are done for this person, by this token */
  @ForeignKey('person') @Column('uuid') readonly actsFor!: string;
  @ForeignKey('access_token') @Column('uuid') readonly tokenId!: string;
  @Column('timestamptz', { nullable: true }) readonly endedAt!: Date | null;
  @Column('integer', { default: 1 }) readonly version!: number;
}
