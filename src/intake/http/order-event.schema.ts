import { z } from 'zod';
import { actorKinds, type OrderEventKind } from '../../orders/order-event.js';
import { toldPaymentStates } from '../../shops/http/told-order-profile.js';

/** What happened to an order, by the event's type. */
export const eventTypes = {
  'com.reinstate.order.placed': 'placed',
  'com.reinstate.order.paid': 'paid',
  'com.reinstate.order.changed': 'changed',
  'com.reinstate.order.line-cancelled': 'line-cancelled',
  'com.reinstate.order.cancelled': 'cancelled',
  'com.reinstate.order.restored': 'restored',
  'com.reinstate.order.shipped': 'shipped',
  'com.reinstate.order.refunded': 'refunded',
  'com.reinstate.order.deleted': 'deleted',
} as const satisfies Record<string, OrderEventKind>;
export type EventType = keyof typeof eventTypes;
export type ToldKind = (typeof eventTypes)[EventType];

export const typeNames = Object.keys(eventTypes) as [EventType, ...EventType[]];

const text = (longest: number) => z.string().min(1).max(longest);
const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,39}$/, 'lower-case letters, digits and _, e.g. payment_method');
/** 2^53 is more money than any order is about, and what JSON keeps exactly */
const minorUnits = z.int();

/** At most so many of anything that an order has: it is one order, not an archive. */
const partsMax = 1_000;
const namesMax = 40;
const atMostNames = (record: Readonly<Record<string, unknown>>) =>
  Object.keys(record).length <= namesMax;

const lineSchema = z.strictObject({
  lineId: text(200),
  product: text(200).optional(),
  name: text(500).optional(),
  /** as the shop counts it; 0 for a line that was cancelled */
  quantity: z.number().min(0).max(1e12).optional(),
  unitPriceMinor: minorUnits.optional(),
  totalMinor: minorUnits.optional(),
});

const shippingSchema = z.strictObject({
  lineId: text(200),
  method: text(200).optional(),
  priceMinor: minorUnits.optional(),
});

const paymentSchema = z.strictObject({
  paymentId: text(200),
  method: text(200).optional(),
  /** `authorized` and `captured` say that the shop holds the money */
  state: z.enum(toldPaymentStates).optional(),
  amountMinor: minorUnits.optional(),
  refundedMinor: minorUnits.optional(),
});

const parts = <Part extends z.ZodType>(part: Part) => z.array(part).max(partsMax);

/** Where it happened to which order, who did it, and whatever of the order is to be told. What is left out stays as it was. */
export const orderDataSchema = z.strictObject({
  /** id of the shop in Reinstate's configuration */
  shop: text(63),
  /** the order's id in the shop, as text */
  orderId: text(200),
  /** the number that people know */
  orderNumber: text(200).optional(),
  customerId: text(200).optional(),
  /** who did it; left out: nobody knows */
  actor: z.strictObject({ kind: z.enum(actorKinds), name: text(200).optional() }).optional(),
  reason: text(500).optional(),
  /** the shop's own word for the order's status */
  status: text(200).optional(),
  /** ISO 4217 */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'three capital letters, e.g. EUR')
    .optional(),
  totalMinor: minorUnits.optional(),
  placedAt: z.iso.datetime({ offset: true }).optional(),
  lines: parts(lineSchema).optional(),
  shipping: parts(shippingSchema).optional(),
  payments: parts(paymentSchema).optional(),
  /** what the order has in common with others: channel, payment_method, warehouse ... */
  attributes: z.record(name, text(200)).refine(atMostNames, `at most ${namesMax} names`).optional(),
  /** names, addresses, contacts: kept encrypted under a key of the customer's own */
  personal: z.record(name, text(500)).refine(atMostNames, `at most ${namesMax} names`).optional(),
});
export type OrderData = z.output<typeof orderDataSchema>;

/** The attributes of CloudEvents 1.0; extensions that nobody here knows are passed over. */
const envelopeSchema = z.looseObject({
  specversion: z.literal('1.0', 'CloudEvents 1.0 is what is understood: "specversion": "1.0"'),
  id: text(200),
  source: text(500),
  type: z.enum(typeNames),
  time: z.iso.datetime({ offset: true }),
  subject: text(200).optional(),
  datacontenttype: z
    .string()
    .regex(/^application\/json\b/, 'data is JSON: application/json')
    .optional(),
  dataschema: text(2000).optional(),
  traceparent: z.string().max(500).optional(),
  tracestate: z.string().max(2000).optional(),
  data: orderDataSchema,
});

/** One order event as a CloudEvent. */
export const cloudEventSchema = envelopeSchema.superRefine(({ type, subject, data }, context) => {
  const missing = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: ['data', path], message });
  for (const field of neededBy[eventTypes[type]])
    if (data[field] === undefined) missing(field, `an event of the type ${type} tells it`);
  if (subject !== undefined && subject !== data.orderId)
    context.addIssue({
      code: 'custom',
      path: ['subject'],
      message: 'where it is given, it is the orderId of the data',
    });
});
export type CloudEvent = z.output<typeof cloudEventSchema>;

/** What an event of a kind is nothing without. */
const neededBy: Readonly<Record<ToldKind, readonly (keyof OrderData)[]>> = {
  placed: ['currency', 'totalMinor'],
  paid: ['payments'],
  changed: [],
  'line-cancelled': ['lines'],
  cancelled: [],
  restored: [],
  shipped: [],
  refunded: ['payments'],
  deleted: [],
};

/** What a body may be: one event, a list of them, or (as NDJSON) one a line. */
export const bodySchema = z.union([envelopeSchema, z.array(envelopeSchema)]);

/** Why an event was not taken: closed list, also the metric's label. */
export const rejectionCodes = [
  'malformed',
  'event-too-large',
  'event-invalid',
  'shop-unknown',
  'shop-not-by-http',
  'future-dated',
  'too-old',
  'key-reused',
  'request-too-large',
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

export const rejectionSchema = z.object({
  /** place in the batch or (for NDJSON) among the lines that are not empty, from 0 */
  index: z.int(),
  source: z.string().nullable(),
  id: z.string().nullable(),
  code: z.enum(rejectionCodes),
  detail: z.string(),
  fields: z.array(z.object({ field: z.string(), message: z.string() })),
});
export type Rejection = z.output<typeof rejectionSchema>;

export const intakeAnswerSchema = z.object({
  /** written to the journal by this request */
  kept: z.int(),
  /** written there by an earlier request (or earlier in this one) under the same source and id */
  repeated: z.int(),
  rejected: z.int(),
  /** of those that were kept: places of events that are older than what was known of their order */
  outOfOrder: z.array(z.int()),
  rejections: z.array(rejectionSchema),
  /** more were rejected, or came out of order, than are listed */
  leftOut: z.int(),
});
export type IntakeAnswer = z.output<typeof intakeAnswerSchema>;
