import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { CancellationFilter } from '../incident.js';

/** A bulk cancel that somebody announced beforehand: what falls under it was meant. */
@Entity('announcement')
@Index('announcement_shop', ['shopId', 'startsAt'])
@Check('announcement_greatest_count_check', 'greatest_count > 0')
@Check('announcement_reason_check', `reason <> ''`)
@Check('announcement_check', 'ends_at > starts_at')
@Check('announcement_check1', '(withdrawn_at IS NULL) = (withdrawn_by IS NULL)')
export class AnnouncementEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('shop') @Column('text') readonly shopId!: string;
  @Column('jsonb') readonly filter!: CancellationFilter;
  @Column('timestamptz') readonly startsAt!: Date;
  @Column('timestamptz') readonly endsAt!: Date;
  /** more cancellations than this are not covered: then something else goes on as well */
  @Column('integer') readonly greatestCount!: number;
  @Column('text') readonly reason!: string;
  @ForeignKey('person') @Column('uuid') readonly announcedBy!: string;
  @Column('timestamptz') readonly createdAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly withdrawnAt!: Date | null;
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly withdrawnBy!: string | null;
}
