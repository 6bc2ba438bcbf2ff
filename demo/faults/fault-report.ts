/** How the faulty job cancels: through the shop's code, by raw SQL, step by step, or line by line. */
export const FAULT_WAYS = ['api', 'sql', 'steps', 'lines'] as const;
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
  /** Begun and left half way, because somebody else had changed the order meanwhile, or as the way is. */
  abandoned: FaultOrder[];
  errors: string[];
}
