import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { severities, type Severity } from '../alerting/severity.js';
import { IdentityColumn, oneOf } from '../platform/database/entity.js';
import {
  incidentStatuses,
  type Declaration,
  type Incident,
  type IncidentStatus,
} from './incident.js';

/** What went wrong once and is dealt with as one; one of a fingerprint is unresolved at a time. */
@Entity('incident')
@Index('incident_open', ['fingerprint'], { unique: true, where: `status <> 'resolved'` })
@Index('incident_shop', ['shopId', 'openedAt'])
@Check('incident_severity_check', oneOf('severity', severities))
@Check('incident_status_check', oneOf('status', incidentStatuses))
@Check('incident_check', `(status = 'resolved') = (resolved_at IS NOT NULL)`)
@Check('incident_check1', 'alert_id IS NOT NULL OR declared_by IS NOT NULL')
@Check('incident_check2', '(declared_by IS NULL) = (declaration IS NULL)')
export class IncidentEntity implements Incident {
  @PrimaryColumn('uuid') readonly id!: string;
  /** what people call it by */
  @IdentityColumn() readonly number!: number;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  /** the alert's, or one of its own where a person declared it */
  @Column('text') readonly fingerprint!: string;
  /** the newest alert of all that belong to it */
  @ForeignKey('alert') @Column('uuid', { nullable: true }) readonly alertId!: string | null;
  /** the incident in one sentence */
  @Column('text') readonly title!: string;
  @Column('text') readonly severity!: Severity;
  /** who set the severity by hand; then numbers do not change it any more */
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly severityBy!: string | null;
  @Column('text') readonly status!: IncidentStatus;
  /** the last position of the shop's journal that was looked through for this incident's cases */
  @Column('bigint', { default: 0 }) readonly journalPosition!: number;
  /** orders that are like its wrongful ones are to be looked for */
  @Column('boolean', { default: true }) readonly harmsDue!: boolean;
  /** by harm: the position down to which the journal was looked through for them; 0 once that is done */
  @Column('jsonb', { default: {} }) readonly harmSearch!: Readonly<Record<string, number>>;
  /** the last position up to which they were all decided; null: as far as the journal was looked through */
  @Column('bigint', { nullable: true }) readonly alikePosition!: number | null;
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly assigneeId!: string | null;
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly declaredBy!: string | null;
  @Column('jsonb', { nullable: true }) readonly declaration!: Declaration | null;
  @Column('timestamptz') readonly openedAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly acknowledgedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) readonly resolvedAt!: Date | null;
  /** position of the newest timeline entry; raised under this row's lock with each of them */
  @Column('bigint', { default: 0 }) readonly timelineHead!: number;
  @Column('integer', { default: 1 }) readonly version!: number;
}
