import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import type { TimelineType } from './timeline.js';

/** What happened in an incident, in order; the database refuses to alter or remove it. */
@Entity('timeline_entry')
export class TimelineEntryEntity {
  @ForeignKey('incident') @PrimaryColumn('uuid') readonly incidentId!: string;
  /** counts the incident's entries from 1 without holes */
  @PrimaryColumn('bigint') readonly position!: number;
  @Column('timestamptz') readonly at!: Date;
  @Column('text') readonly type!: TimelineType;
  @ForeignKey('incident_case') @Column('uuid', { nullable: true }) readonly caseId!: string | null;
  /** null where Reinstate itself did it */
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly personId!: string | null;
  /** of the shape that its type decides */
  @Column('jsonb', { default: {} }) readonly data!: unknown;
}
