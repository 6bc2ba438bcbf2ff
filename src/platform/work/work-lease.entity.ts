import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A piece of background work: who does it now, and until when nobody else may. */
@Entity('work_lease')
export class WorkLeaseEntity {
  @PrimaryColumn('text') readonly name!: string;
  @Column('text') readonly owner!: string;
  /** grows with each takeover */
  @Column('bigint') readonly epoch!: number;
  @Column('timestamptz') readonly expiresAt!: Date;
}
