import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import type { Marker } from '../orders/order-event.js';
import { oneOf, pgLsn } from '../platform/database/entity.js';

/** Which transaction of a shop carried an item's marker: the first one, for ever. */
@Entity('restore_marker')
@Check('restore_marker_action_check', oneOf('action', ['restore', 'undo']))
@Check('restore_marker_order_id_check', `order_id <> ''`)
export class RestoreMarkerEntity {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn('uuid') readonly itemId!: string;
  @Column('text') readonly action!: Marker['action'];
  @Column('text') readonly orderId!: string;
  @Column('text') readonly incarnation!: string;
  @Column({ type: pgLsn }) readonly commitLsn!: string;
  @Column('bigint') readonly transactionId!: number;
  @Column('timestamptz') readonly recordedAt!: Date;
}
