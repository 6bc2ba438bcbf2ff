import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** One of the cancellations that a finding is about. */
@Entity('finding_entry')
export class FindingEntryEntity {
  @ForeignKey('finding') @PrimaryColumn('uuid') readonly findingId!: string;
  /** of the shop's journal */
  @PrimaryColumn('bigint') readonly position!: number;
  @Column('text') readonly orderId!: string;
  @Column('timestamptz') readonly committedAt!: Date;
}
