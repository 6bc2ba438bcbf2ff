import { z } from 'zod';

/** What kind of thing was changed; causes are ranked by it. */
export const changeKinds = [
  'deploy',
  'configuration',
  'schedule',
  'data',
  'action',
  'other',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

const short = z.string().trim().min(1).max(200);

export const newChangeSchema = z.strictObject({
  /** e.g. "checkout 8.4.1" or "unpaid-orders job now runs every minute" */
  what: z.string().trim().min(1).max(500),
  kind: z.enum(changeKinds).default('other'),
  /** id of the shop; left out where it concerns all */
  shop: short.optional(),
  /** system, service or host */
  where: short.optional(),
  /** left out: the caller */
  who: short.optional(),
  link: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional(),
  /** left out: now */
  at: z.iso.datetime({ offset: true }).optional(),
});
export type NewChange = z.output<typeof newChangeSchema>;

export const changeSchema = z.object({
  id: z.uuid(),
  shopId: z.string().nullable(),
  what: z.string(),
  kind: z.enum(changeKinds),
  where: z.string().nullable(),
  who: z.string().nullable(),
  link: z.string().nullable(),
  at: z.date(),
  recordedAt: z.date(),
});
