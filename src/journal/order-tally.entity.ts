import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { actorKinds, type ActorKind } from '../orders/order-event.js';
import { oneOf } from '../platform/database/entity.js';
import { tallied, type OrderCount, type Tallied } from './order-tally.js';

/** How many orders were placed, cancelled and judged so far, by who did it (or cancelled what was judged). */
@Entity('order_tally')
@Check('order_tally_what_check', oneOf('what', tallied))
@Check('order_tally_actor_kind_check', oneOf('actor_kind', actorKinds))
export class OrderTallyEntity implements OrderCount {
  @ForeignKey('shop') @PrimaryColumn('text') readonly shopId!: string;
  @PrimaryColumn('text') readonly what!: Tallied;
  @PrimaryColumn('text') readonly actorKind!: ActorKind;
  @Column('bigint') readonly orders!: number;
}
