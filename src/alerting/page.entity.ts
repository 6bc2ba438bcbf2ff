import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { PageBody } from './page.js';

/** A message to the people on call. The dedupe key keeps it from being made twice. */
@Entity('page')
@Index('page_created', ['createdAt', 'id'])
@Index('page_incident', ['incidentId'], { where: 'incident_id IS NOT NULL' })
export class PageEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @Column('text', { unique: true }) readonly dedupeKey!: string;
  /** no foreign key: incidents are made above alerting */
  @Column('uuid', { nullable: true }) readonly incidentId!: string | null;
  @Column('text') readonly firstLine!: string;
  @Column('jsonb') readonly body!: PageBody;
  @Column('timestamptz') readonly createdAt!: Date;
  /** when the shop committed what this page is the first to tell of; null for others */
  @Column('timestamptz', { nullable: true }) readonly committedAt!: Date | null;
}
