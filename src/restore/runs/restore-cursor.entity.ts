import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** How far a shop's journal was read for echoes of restores and for changes after them. */
@Entity('restore_cursor')
export class RestoreCursorEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @Column('bigint') readonly position!: number;
  @Column('timestamptz') readonly updatedAt!: Date;
}
