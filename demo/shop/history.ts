import type { Transaction } from './transaction.js';

export type ActorKind = 'customer' | 'staff' | 'job' | 'system';

export interface Actor {
  kind: ActorKind;
  name: string;
}

export interface HistoryEntry {
  orderId: string;
  type:
    'PLACED' | 'PAID' | 'STATUS' | 'CANCELLED' | 'LINE_CANCELLED' | 'NOTE' | 'SHIPPED' | 'REFUNDED';
  fromStatus?: string;
  toStatus?: string;
  actor: Actor;
  reason?: string;
}

export async function addHistory(tx: Transaction, entry: HistoryEntry): Promise<void> {
  await tx.query(
    `INSERT INTO shop.order_history
       (order_id, type, from_status, to_status, actor_kind, actor, reason)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      entry.orderId,
      entry.type,
      entry.fromStatus ?? null,
      entry.toStatus ?? null,
      entry.actor.kind,
      entry.actor.name,
      entry.reason ?? null,
    ],
  );
}
