import { z } from 'zod';
import { pageQuerySchema } from '../../platform/http/page.js';
import { cancellationFilterSchema } from '../incident.schema.js';

const momentText = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

export const announcementQuerySchema = pageQuerySchema.extend({ shop: z.string().optional() });
export type AnnouncementListQuery = z.output<typeof announcementQuerySchema>;

export const newAnnouncementSchema = z.strictObject({
  shop: z.string(),
  /** an empty one means any cancellation of the shop */
  filter: cancellationFilterSchema,
  startsAt: momentText,
  endsAt: momentText,
  greatestCount: z.int().min(1).max(1_000_000),
  reason: z.string().trim().min(1).max(1_000),
});
export type NewAnnouncementBody = z.output<typeof newAnnouncementSchema>;

export const announcementSchema = z.object({
  id: z.uuid(),
  shopId: z.string(),
  filter: cancellationFilterSchema,
  startsAt: z.date(),
  endsAt: z.date(),
  greatestCount: z.int(),
  reason: z.string(),
  announcedBy: z.uuid(),
  createdAt: z.date(),
  withdrawnAt: z.date().nullable(),
  withdrawnBy: z.uuid().nullable(),
});
