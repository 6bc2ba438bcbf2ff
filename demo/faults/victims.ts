import type { Pool } from 'pg';
import { OFFICE_BUYER_ID } from '../generator/people.js';

/** Narrows the failure to one segment, e.g. one payment method; an empty one hits everybody. */
export interface FaultSegment {
  paymentMethod?: string | undefined;
  channel?: string | undefined;
  warehouse?: string | undefined;
  region?: string | undefined;
}

export interface Victim {
  orderId: string;
  number: string;
  customerId: string;
  totalMinor: number;
}

export interface VictimRequest {
  count: number;
  segment: FaultSegment;
  /** Only orders placed before this: the job looks at orders that had time to be paid. */
  placedBefore: Date;
  /** Customers that were hit already: every victim is another customer. */
  notCustomers: readonly string[];
}

/** Paid orders whose goods are still in the warehouse, each of another customer. */
export async function findVictims(pool: Pool, request: VictimRequest): Promise<Victim[]> {
  const { segment } = request;
  const result = await pool.query<{
    id: string;
    number: string;
    customer_id: string;
    total_minor: string;
  }>(
    `SELECT * FROM (
       SELECT DISTINCT ON (customer_id) id, number, customer_id, total_minor
         FROM shop.orders
        WHERE status = 'paid' AND placed_at < $1
          AND customer_id <> $2 AND customer_id <> ALL ($3::bigint[])
          AND ($5::text IS NULL OR payment_method = $5)
          AND ($6::text IS NULL OR channel = $6)
          AND ($7::text IS NULL OR warehouse = $7)
          AND ($8::text IS NULL OR region = $8)
        ORDER BY customer_id, id) one_each
      ORDER BY md5(id::text) LIMIT $4`,
    [
      request.placedBefore,
      OFFICE_BUYER_ID,
      request.notCustomers,
      request.count,
      segment.paymentMethod ?? null,
      segment.channel ?? null,
      segment.warehouse ?? null,
      segment.region ?? null,
    ],
  );
  return result.rows.map((row) => ({
    orderId: row.id,
    number: row.number,
    customerId: row.customer_id,
    totalMinor: Number(row.total_minor),
  }));
}
