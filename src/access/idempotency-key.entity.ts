import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** What a request that starts something was answered, so that its repetition is answered alike. */
@Entity('idempotency_key')
@Check('idempotency_key_key_check', 'length(key) BETWEEN 1 AND 255')
export class IdempotencyKeyEntity {
  @ForeignKey('person') @PrimaryColumn('uuid') readonly personId!: string;
  @PrimaryColumn('text') readonly key!: string;
  /** method and path with query */
  @Column('text') readonly request!: string;
  /** SHA-256 of the body */
  @Column('bytea') readonly requestHash!: Buffer;
  /** null while the first request is still being answered, or where its process died over it */
  @Column('integer', { nullable: true }) readonly status!: number | null;
  @Column('jsonb', { nullable: true }) readonly answer!: unknown;
  @Column('timestamptz') readonly createdAt!: Date;
}
