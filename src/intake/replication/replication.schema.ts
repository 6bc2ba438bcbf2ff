import { z } from 'zod';
import { streamStates } from './stream-state.js';

const credential = z
  .string()
  .regex(
    /^postgres(ql)?:\/\//,
    'a connection URL such as postgresql://owner:password@host/database',
  )
  .max(2_000)
  .optional();

export const attachSchema = z.strictObject({
  /** owner of the shop's tables: used for this request, never stored; left out where a DBA ran the SQL */
  credential,
  /** accept a server without max_slot_wal_keep_size, whose disk a forgotten slot can fill */
  allowUnboundedWal: z.boolean().default(false),
});
export type AttachRequest = z.output<typeof attachSchema>;

export const detachSchema = z.strictObject({
  credential,
  /** detach also where the shop's database lets nobody in any more: on our side alone */
  forget: z.boolean().default(false),
});
export type DetachRequest = z.output<typeof detachSchema>;

export const streamStatusSchema = z.object({
  shopId: z.string(),
  /** `http`: there is no stream, the shop tells of its orders itself */
  state: z.enum([...streamStates, 'http']),
  /** what is wrong, in words */
  problem: z.string().nullable(),
  /** write-ahead log of the shop that is not journalled yet; null while the shop does not answer */
  lagBytes: z.number().int().nullable(),
  /** write-ahead log that the shop keeps for us */
  retainedWalBytes: z.number().int().nullable(),
  /** reserved, extended, unreserved or lost: how near the shop is to giving our slot up */
  walStatus: z.string().nullable(),
  /** how much of it may be kept, and who sees to that; `reinstate` only while the service runs */
  walBound: z.object({ bytes: z.number().int(), by: z.enum(['server', 'reinstate']) }).nullable(),
  /** of an `http` shop: since anything of it was journalled */
  secondsSinceMessage: z.number().nullable(),
  confirmedLsn: z.string().nullable(),
  incarnation: z.string().nullable(),
  slotName: z.string().nullable(),
  publicationName: z.string().nullable(),
  snapshotRows: z.number().int(),
  attachedAt: z.date().nullable(),
});
export type StreamStatus = z.output<typeof streamStatusSchema>;

export const detachedSchema = z.object({
  status: streamStatusSchema,
  /** SQL that is left for a DBA to run; empty where everything was taken back */
  remainingSql: z.array(z.string()),
});
export type Detached = z.output<typeof detachedSchema>;
