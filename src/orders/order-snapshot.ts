import { z } from 'zod';

const minorUnits = z.number().int();

export const orderLineSchema = z.object({
  lineId: z.string(),
  product: z.string(),
  name: z.string().nullable(),
  /** quantity as the shop counts it; whole in all shops seen */
  quantity: z.number(),
  unitPriceMinor: minorUnits.nullable(),
  totalMinor: minorUnits.nullable(),
});

export const orderShippingSchema = z.object({
  lineId: z.string(),
  /** the method as the shop's row names it */
  method: z.string().nullable(),
  priceMinor: minorUnits.nullable(),
});

export const orderPaymentSchema = z.object({
  paymentId: z.string(),
  state: z.string().nullable(),
  /** money that the shop holds by this payment: captured or authorised, by the profile's states */
  heldMinor: minorUnits,
  refundedMinor: minorUnits,
});

/**
 * An order in one form for all shops, read through a shop profile from the rows that make it up.
 * It is for people and for decisions; what is restored comes from the rows themselves.
 */
export const orderSnapshotSchema = z.object({
  orderId: z.string(),
  number: z.string().nullable(),
  status: z.string(),
  state: z.enum(['draft', 'open', 'cancelled', 'shipped', 'other']),
  customerId: z.string().nullable(),
  currency: z.string(),
  totalMinor: minorUnits,
  /** RFC 3339 with microseconds, or null where the shop does not say */
  placedAt: z.string().nullable(),
  cancelledAt: z.string().nullable(),
  lines: z.array(orderLineSchema),
  /** left out where the shop's profile names no table of shipping lines */
  shipping: z.array(orderShippingSchema).optional(),
  payments: z.array(orderPaymentSchema),
  attributes: z.record(z.string(), z.string()),
});

export type OrderSnapshot = z.infer<typeof orderSnapshotSchema>;
export type OrderLine = z.infer<typeof orderLineSchema>;
export type OrderShipping = z.infer<typeof orderShippingSchema>;
export type OrderPayment = z.infer<typeof orderPaymentSchema>;

/** Money that the shop still holds for this order: payments less refunds, in minor units. */
export function heldMinor(snapshot: OrderSnapshot): number {
  return snapshot.payments.reduce(
    (sum, payment) => sum + payment.heldMinor - payment.refundedMinor,
    0,
  );
}
