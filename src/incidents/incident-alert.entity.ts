import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';

/** An alert that an incident is about; it belongs to that one incident. */
@Entity('incident_alert')
@Index('incident_alert_incident', ['incidentId'])
@Check('incident_alert_alert_state_check', oneOf('alert_state', ['firing', 'resolved']))
export class IncidentAlertEntity {
  @ForeignKey('alert') @PrimaryColumn('uuid') readonly alertId!: string;
  @ForeignKey('incident') @Column('uuid') readonly incidentId!: string;
  /** the version of the alert that the incident knows of */
  @Column('integer') readonly alertVersion!: number;
  @Column('text') readonly alertState!: 'firing' | 'resolved';
  @Column('timestamptz') readonly joinedAt!: Date;
}
