import { z } from 'zod';
import { pageQuerySchema } from '../platform/http/page.js';
import { severities } from './severity.js';

export const deliveryStates = ['pending', 'delivered', 'failed'] as const;

export const sentPageQuerySchema = pageQuerySchema.extend({
  /** only pages about this incident */
  incident: z.uuid().optional(),
  /** only pages that have a delivery in this state */
  state: z.enum(deliveryStates).optional(),
});
export type SentPageQuery = z.output<typeof sentPageQuerySchema>;

/** A page and how it fares on its way to each receiver; by the receivers' names, without their addresses. */
export const sentPageSchema = z.object({
  id: z.uuid(),
  incidentId: z.uuid().nullable(),
  kind: z.string(),
  severity: z.enum(severities),
  firstLine: z.string(),
  createdAt: z.date(),
  deliveries: z.array(
    z.object({
      receiver: z.string(),
      state: z.enum(deliveryStates),
      attempts: z.int(),
      /** what the last attempt came to: the reason of a failure, or a note on a delivery */
      outcome: z.string().nullable(),
      lastAttemptAt: z.date().nullable(),
      /** null where there is none to come */
      nextAttemptAt: z.date().nullable(),
      deliveredAt: z.date().nullable(),
    }),
  ),
});
export type SentPage = z.output<typeof sentPageSchema>;
