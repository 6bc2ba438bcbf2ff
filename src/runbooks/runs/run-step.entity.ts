import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import type { StepEvidence } from '../../incidents/runbook-entries.js';
import { oneOf } from '../../platform/database/entity.js';
import type { Step } from '../definition.js';
import { stepWaits, type StepFailure, type StepResult, type StepWait } from '../step.js';
import { stepStates, type RunbookStep, type StepState } from './run.js';

/** One step of a runbook run. */
@Entity('runbook_step')
@Unique(['runId', 'sequence'])
@Unique(['runId', 'name'])
@Check('runbook_step_name_check', `name <> ''`)
@Check('runbook_step_state_check', oneOf('state', stepStates))
@Check('runbook_step_waits_for_check', oneOf('waits_for', stepWaits))
@Check(
  'runbook_step_check',
  `(${oneOf('state', ['done', 'failed', 'skipped'])}) = (ended_at IS NOT NULL)`,
)
@Check('runbook_step_check1', `state <> 'begun' OR begun_at IS NOT NULL`)
@Check('runbook_step_check2', `state = 'begun' OR waits_for IS NULL`)
@Check('runbook_step_check3', `(state = 'failed') = (reason IS NOT NULL)`)
export class RunbookStepEntity implements RunbookStep {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('runbook_run') @Column('uuid') readonly runId!: string;
  @Column('integer') readonly sequence!: number;
  @Column('text') readonly name!: string;
  /** as it was written, with its defaults */
  @Column('jsonb') readonly definition!: Step;
  @Column('text') readonly state!: StepState;
  /** what the step's effect is done under, once; a new one when the step is to be done anew */
  @Column('uuid') readonly key!: string;
  @Column('integer', { default: 0 }) readonly attempts!: number;
  @Column('text', { nullable: true }) readonly waitsFor!: StepWait | null;
  @Column('timestamptz', { nullable: true }) readonly nextLookAt!: Date | null;
  @Column('text', { nullable: true }) readonly reason!: StepFailure | null;
  @Column('text', { nullable: true }) readonly words!: string | null;
  @Column('jsonb', { nullable: true }) readonly evidence!: StepEvidence | null;
  @Column('jsonb', { nullable: true }) readonly result!: StepResult | null;
  @Column('timestamptz', { nullable: true }) readonly begunAt!: Date | null;
  @Column('timestamptz', { nullable: true }) readonly endedAt!: Date | null;
}
