import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** How far a shop's journal was looked through for gaps. */
@Entity('stream_watch')
export class StreamWatchEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @Column('bigint') readonly journalPosition!: number;
}
