import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import {
  actorKinds,
  type ActorKind,
  type Marker,
  type OrderEventKind,
} from '../orders/order-event.js';
import type { OrderSnapshot } from '../orders/order-snapshot.js';
import type { RowChange } from '../orders/row-change.js';
import { oneOf, pgLsn } from '../platform/database/entity.js';

/**
 * What one transaction of the shop did to one order, under the key from the far end. Append-only, and
 * partitioned by the source's commit time, so that this key can be unique.
 */
@Entity('journal_entry')
@Index('journal_entry_position', ['shopId', 'position'])
@Index('journal_entry_order', ['shopId', 'orderId', 'position'])
@Index('journal_entry_number', ['shopId', 'orderNumber'])
@Index('journal_entry_committed', ['shopId', 'committedAt'])
@Index('journal_entry_gap', ['shopId', 'position'], { where: `'gap' = ANY (kinds)` })
@Index('journal_entry_cancelled', ['shopId', 'position'], {
  where: `'cancelled' = ANY (kinds) AND marker IS NULL`,
})
@Index('journal_entry_line_cancelled', ['shopId', 'position'], {
  where: `'line-cancelled' = ANY (kinds) AND marker IS NULL`,
})
@Check('journal_entry_kinds_check', 'cardinality(kinds) > 0')
@Check('journal_entry_actor_kind_check', oneOf('actor_kind', actorKinds))
export class JournalEntryEntity {
  /** no foreign key: shops stay for ever, and these come by the thousand */
  @PrimaryColumn('text') readonly shopId!: string;
  @Column('bigint') readonly position!: number;
  @Column('timestamptz') readonly recordedAt!: Date;
  @PrimaryColumn('text') readonly incarnation!: string;
  @PrimaryColumn(pgLsn) readonly commitLsn!: string;
  @PrimaryColumn('bigint') readonly transactionId!: number;
  /** '' where the entry belongs to no one order */
  @PrimaryColumn('text') readonly orderId!: string;
  /** the store reads it as text: a Date would lose the microseconds */
  @PrimaryColumn('timestamptz') readonly committedAt!: Date;
  @Column('text', { nullable: true }) readonly orderNumber!: string | null;
  @Column('text', { array: true }) readonly kinds!: readonly OrderEventKind[];
  @Column('text', { nullable: true }) readonly statusBefore!: string | null;
  @Column('text', { nullable: true }) readonly statusAfter!: string | null;
  @Column('text') readonly actorKind!: ActorKind;
  @Column('text', { nullable: true }) readonly actor!: string | null;
  @Column('text', { nullable: true }) readonly reason!: string | null;
  @Column('text', { nullable: true }) readonly customerId!: string | null;
  @Column('bigint', { nullable: true }) readonly totalMinor!: number | null;
  @Column('text', { nullable: true }) readonly currency!: string | null;
  @Column('jsonb') readonly attributes!: Readonly<Record<string, string>>;
  @Column('jsonb') readonly rowChanges!: readonly RowChange[];
  @Column('jsonb', { nullable: true }) readonly snapshot!: OrderSnapshot | null;
  @Column('jsonb', { nullable: true }) readonly marker!: Marker | null;
  @Column('text', { nullable: true }) readonly traceparent!: string | null;
}
