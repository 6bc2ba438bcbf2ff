import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { RowImage } from '../orders/row-change.js';

/** The last known image of one mapped row of a shop: gives before-images, and finds a child's order. */
@Entity('row_image')
@Index('row_image_order', ['shopId', 'orderId'])
@Index('row_image_stale', ['shopId'], { where: 'stale' })
export class RowImageEntity {
  /** no foreign key: shops stay for ever, and these come by the thousand */
  @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn('text') readonly tableName!: string;
  /** the row's key as canonical text */
  @PrimaryColumn('text') readonly rowKey!: string;
  /** null for a row that belongs to no order, or whose order is not known */
  @Column('text', { nullable: true }) readonly orderId!: string | null;
  @Column('jsonb') readonly image!: RowImage;
  /** from before a gap: no snapshot or change has reached the row since */
  @Column('boolean', { default: false }) readonly stale!: boolean;
}
