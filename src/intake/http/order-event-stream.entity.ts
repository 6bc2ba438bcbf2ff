import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** How far a shop is that tells its orders by HTTP. */
@Entity('order_event_stream')
export class OrderEventStreamEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  /** of the newest event that was taken: what stands for a place in the shop's log */
  @Column('bigint') readonly sequence!: number;
  @Column('timestamptz') readonly receivedAt!: Date;
}
