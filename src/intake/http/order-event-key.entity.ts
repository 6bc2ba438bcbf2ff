import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The key of an order event that was taken, from the far end; written with its journal entry. */
@Entity('order_event_key')
@Check('order_event_key_personal_check', '(personal_key_of IS NULL) = (personal_hash IS NULL)')
export class OrderEventKeyEntity {
  @PrimaryColumn('text') readonly source!: string;
  @PrimaryColumn('text') readonly eventId!: string;
  /** neither this nor `toldBy` has a foreign key: shops and persons stay for ever, and keys come by the thousand */
  @Column('text') readonly shopId!: string;
  @Column('bigint') readonly sequence!: number;
  /** SHA-256 of all that the event says but its personal values */
  @Column('bytea') readonly contentHash!: Buffer;
  /** whose key the personal values were sealed under; null where the event told none */
  @Column('text', { nullable: true }) readonly personalKeyOf!: string | null;
  /** over their keyed hashes: it tells nothing without the key */
  @Column('bytea', { nullable: true }) readonly personalHash!: Buffer | null;
  @Column('uuid') readonly toldBy!: string;
  @Column('timestamptz') readonly receivedAt!: Date;
}
