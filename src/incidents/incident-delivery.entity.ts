import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A delivery of a page whose end stands on the incident's timeline. */
@Entity('incident_delivery')
export class IncidentDeliveryEntity {
  @ForeignKey('page_delivery') @PrimaryColumn('uuid') readonly deliveryId!: string;
  @ForeignKey('incident') @Column('uuid') readonly incidentId!: string;
  @Column('timestamptz') readonly toldAt!: Date;
}
