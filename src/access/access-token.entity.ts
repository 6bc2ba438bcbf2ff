import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';
import { roles, type Role } from './role.js';

/** What somebody comes in by. Its secret is not kept, only the hash, and that is never read back. */
@Entity('access_token')
@Check('access_token_role_check', oneOf('role', roles))
@Check('access_token_check', 'expires_at > created_at')
export class AccessTokenEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @ForeignKey('person') @Column('uuid') readonly personId!: string;
  @Column('text') readonly role!: Role;
  @Column('text') readonly label!: string;
  @Column('bytea', { unique: true, select: false }) readonly secretHash!: Buffer;
  @Column('timestamptz') readonly createdAt!: Date;
  @Column('timestamptz') readonly expiresAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly revokedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) readonly lastUsedAt!: Date | null;
}
