/** How the faulty job cancels: through the shop's code, by raw SQL, or step by step. */
export const FAULT_WAYS = ['api', 'sql', 'steps'] as const;
export type FaultWay = (typeof FAULT_WAYS)[number];

export interface FaultOrder {
  orderId: string;
  number: string;
  customerId: string;
  /** What the order was worth before; minor units. */
  totalMinor: number;
  /** The database transactions (pg_current_xact_id) in which the job wrote for this order. */
  transactions: string[];
  at: string;
}

export interface FaultReport {
  way: FaultWay;
  running: boolean;
  startedAt: string;
  stoppedAt: string | null;
  cancelled: FaultOrder[];
  /** Begun and left, because somebody else had changed the order meanwhile. */
  abandoned: FaultOrder[];
  errors: string[];
}
