import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The key of one customer (or guest order). Erasing it erases the person from a journal that never changes. */
@Entity('personal_key')
@Check('personal_key_check', '(wrapped_key IS NULL) = (erased_at IS NOT NULL)')
export class PersonalKeyEntity {
  /** no foreign key: shops stay for ever, and these come by the thousand */
  @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn('text') readonly keyOf!: string;
  /** encrypted under the service's key; null once erased */
  @Column('bytea', { nullable: true }) readonly wrappedKey!: Buffer | null;
  @Column('timestamptz') readonly createdAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly erasedAt!: Date | null;
}
