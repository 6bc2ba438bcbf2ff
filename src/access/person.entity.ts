import { Check, Column, Entity, PrimaryColumn } from 'typeorm';
import { oneOf } from '../platform/database/entity.js';

/** Whoever comes in with a token: a person, or a service such as a deploy script. */
@Entity('person')
@Check('person_name_check', `name <> ''`)
@Check('person_kind_check', oneOf('kind', ['person', 'service']))
export class PersonEntity {
  @PrimaryColumn('uuid') readonly id!: string;
  @Column('text', { unique: true }) readonly name!: string;
  @Column('text', { nullable: true }) readonly email!: string | null;
  @Column('text') readonly kind!: 'person' | 'service';
  @Column('timestamptz') readonly createdAt!: Date;
  @Column('timestamptz', { nullable: true }) readonly disabledAt!: Date | null;
}
