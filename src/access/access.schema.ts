import { z } from 'zod';
import { roles } from './role.js';

const moment = z.date();
const personKind = z.enum(['person', 'service']);

/** One line of plain text: names end up in scripts, mails and terminals. */
const oneLine = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^\P{Cc}*$/u, 'one line, without control characters');

export const newPersonSchema = z.strictObject({
  name: oneLine,
  email: z.email().nullable().default(null),
  kind: personKind.default('person'),
});
export type NewPerson = z.output<typeof newPersonSchema>;

export const newTokenSchema = z.strictObject({
  role: z.enum(roles),
  label: oneLine,
  days: z.int().min(1).max(366).default(90),
});
export type NewToken = z.output<typeof newTokenSchema>;

export const personSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  email: z.string().nullable(),
  kind: personKind,
  createdAt: moment,
  disabledAt: moment.nullable(),
});

export const tokenSchema = z.object({
  id: z.uuid(),
  personId: z.uuid(),
  role: z.enum(roles),
  label: z.string(),
  createdAt: moment,
  expiresAt: moment,
  revokedAt: moment.nullable(),
  lastUsedAt: moment.nullable(),
});
export const issuedTokenSchema = z.object({ token: tokenSchema, secret: z.string() });

export const callerSchema = z.object({
  personId: z.uuid(),
  name: z.string(),
  kind: personKind,
  role: z.enum(roles),
  tokenId: z.uuid(),
});

export const auditEntrySchema = z.object({
  id: z.int(),
  at: moment,
  person: z.string().nullable(),
  action: z.string(),
  subjectKind: z.string(),
  subjectId: z.string(),
  data: z.record(z.string(), z.unknown()),
});
