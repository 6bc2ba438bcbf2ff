import { z } from 'zod';
import { actorKinds } from '../../orders/order-event.js';

/** What is known of one cancellation on its own. Kept with the case; holds no personal data. */
export const verdictFactsSchema = z.object({
  /** true where only a part of the order was cancelled */
  partial: z.boolean(),
  actorKind: z.enum(actorKinds),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  /** whether the shop's own history tells of the cancellation; null where the shop keeps none */
  inHistory: z.boolean().nullable(),
  /** money that the shop holds now, payments less refunds; null where that is not known */
  heldMinor: z.number().int().nullable(),
  currency: z.string().nullable(),
  /** money went back to the customer since */
  refunded: z.boolean(),
  /** a payment came after the cancellation */
  paidAfter: z.boolean(),
  /** the goods had left before it */
  shippedBefore: z.boolean(),
  fraudFlag: z.boolean(),
  /** why a bulk cancel was announced that this one falls under */
  announced: z.string().nullable(),
  /** a bulk cancel was announced that this one would fall under, if it were not beyond its greatest count */
  beyondAnnounced: z
    .object({ reason: z.string(), greatestCount: z.int() })
    .nullable()
    // facts that were written before this was known
    .default(null),
  /** a deploy or a new setting shortly before it */
  changeBefore: z.object({ what: z.string(), minutes: z.number() }).nullable(),
  /** until then, by our clock, the shop may still write who did it and why */
  settlesAt: z.iso.datetime().nullable(),
});
export type VerdictFacts = z.infer<typeof verdictFactsSchema>;

/** What the incident's other cases have in common with this one: same actor and reason, other customers. */
export const companySchema = z.object({
  /** many are alike */
  alike: z.boolean(),
  /** many of those within minutes */
  near: z.boolean(),
  /** this one and many of those exactly on the hour */
  onTheHour: z.boolean(),
  /** many of the incident's orders are this one customer's */
  oneAccount: z.boolean(),
});
export type Company = z.infer<typeof companySchema>;

/** A case that stands alone. */
export const noCompany: Company = {
  alike: false,
  near: false,
  onTheHour: false,
  oneAccount: false,
};
