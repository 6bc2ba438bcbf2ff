import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** What a detector knows of a shop, and how far it has read the journal. */
@Entity('detector_state')
export class DetectorStateEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn('text') readonly detector!: string;
  /** the last journal position that went into the state */
  @Column('bigint') readonly position!: number;
  /** grows with each save: a state that is no longer the newest cannot be saved over it */
  @Column('bigint') readonly revision!: number;
  @Column('jsonb') readonly state!: unknown;
  @Column('timestamptz') readonly savedAt!: Date;
}
