import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** One change that somebody made, as it is kept for ever: the database refuses to alter or remove it. */
@Entity('audit_entry')
@Index('audit_entry_subject', ['subjectKind', 'subjectId', 'id'])
export class AuditEntryEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' })
  readonly id!: number;
  @Column('timestamptz') readonly at!: Date;
  /** null where Reinstate itself acted */
  @ForeignKey('person') @Column('uuid', { nullable: true }) readonly personId!: string | null;
  @Column('uuid', { nullable: true }) readonly tokenId!: string | null;
  @Column('text') readonly action!: string;
  @Column('text') readonly subjectKind!: string;
  @Column('text') readonly subjectId!: string;
  @Column('jsonb', { default: {} }) readonly data!: Readonly<Record<string, unknown>>;
}
