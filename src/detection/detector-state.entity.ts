import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** What a detector knows of a shop, and how far it has read the journal. */
@Entity('detector_state')
@Check('detector_state_read_on', 'state_position <= position')
export class DetectorStateEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn('text') readonly detector!: string;
  /** the last journal position that was read */
  @Column('bigint') readonly position!: number;
  /** grows with each save: a state that is no longer the newest cannot be saved over it */
  @Column('bigint') readonly revision!: number;
  @Column('jsonb') readonly state!: unknown;
  /** the last position that went into the state: what was read after it told of nothing */
  @Column('bigint') readonly statePosition!: number;
  @Column('timestamptz') readonly savedAt!: Date;
}
