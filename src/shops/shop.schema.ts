import { z } from 'zod';
import { orderSnapshotSchema } from '../orders/order-snapshot.js';
import { refusalReasons } from './shop-adapter.js';

export const stopSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });
export type StopRequest = z.output<typeof stopSchema>;

const moment = z.date().nullable();

export const shopSchema = z.object({
  id: z.string(),
  name: z.string(),
  profile: z.object({ name: z.string(), title: z.string(), hash: z.string() }),
  hasWriteCredential: z.boolean(),
  armedAt: moment,
  armedBy: z.uuid().nullable(),
  stoppedAt: moment,
  stoppedBy: z.uuid().nullable(),
  stopReason: z.string().nullable(),
});

export const checkReportSchema = z.object({
  ok: z.boolean(),
  serverVersion: z.string(),
  faults: z.array(
    z.object({ severity: z.enum(['error', 'warning']), where: z.string(), message: z.string() }),
  ),
});

export const orderViewSchema = z.object({
  order: orderSnapshotSchema,
  capability: z.union([
    z.object({ way: z.literal('reopen') }),
    z.object({ way: z.literal('person'), reason: z.enum(refusalReasons), detail: z.string() }),
  ]),
});
