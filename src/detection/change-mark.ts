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

/** A deploy, a changed setting, a person's action: what may have caused what follows. */
export interface ChangeMark {
  readonly id: string;
  /** null where it concerns all shops */
  readonly shopId: string | null;
  readonly what: string;
  readonly kind: (typeof changeKinds)[number];
  readonly where: string | null;
  readonly who: string | null;
  readonly link: string | null;
  readonly at: Date;
  readonly recordedAt: Date;
}

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
