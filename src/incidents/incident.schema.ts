import { z } from 'zod';
import { sentPageQuerySchema } from '../alerting/page.schema.js';
import { severities } from '../alerting/severity.js';
import { actorKinds } from '../orders/order-event.js';
import { pageQuerySchema } from '../platform/http/page.js';
import { caseStates } from './case.js';
import { incidentStatuses } from './incident.js';
import { timelineTypes } from './timeline.js';
import { reasonSchema, verdicts } from './verdict/verdict.js';

const moment = z.date();
const words = z.string().trim().min(1).max(4_000);
/** `2026-11-22T03:00:00Z`, or with another offset */
const momentText = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
/** several values in one query parameter: `open,acknowledged` */
const listOf = <Value extends string>(values: readonly [Value, ...Value[]]) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(values)))
    .optional();

export const cancellationFilterSchema = z.strictObject({
  attributes: z.record(z.string(), z.string()).optional(),
  actorKind: z.enum(actorKinds).optional(),
  actor: z.string().optional(),
  reason: z.string().optional(),
});

export const incidentQuerySchema = pageQuerySchema.extend({
  shop: z.string().optional(),
  status: listOf(incidentStatuses),
});
export type IncidentListQuery = z.output<typeof incidentQuerySchema>;

export const caseQuerySchema = pageQuerySchema.extend({
  state: listOf(caseStates),
  verdict: listOf(verdicts),
});
export type CaseListQuery = z.output<typeof caseQuerySchema>;

export const timelineQuerySchema = pageQuerySchema.extend({
  /** `incident` leaves out what tells of single cases */
  scope: z.enum(['all', 'incident']).default('all'),
  case: z.uuid().optional(),
});
export type TimelineListQuery = z.output<typeof timelineQuerySchema>;

/** Pages about one incident, by how they fare. */
export const incidentPagesQuerySchema = sentPageQuerySchema.omit({ incident: true });
export type IncidentPagesQuery = z.output<typeof incidentPagesQuerySchema>;

export const declarationSchema = z.strictObject({
  shop: z.string(),
  since: momentText,
  /** left out: it goes on until the incident is resolved */
  until: momentText.nullable().default(null),
  filter: cancellationFilterSchema.prefault({}),
  reason: words,
  /** left out: by the number of orders */
  severity: z.enum(severities).nullable().default(null),
});
export type DeclarationBody = z.output<typeof declarationSchema>;

export const assignmentSchema = z.strictObject({ personId: z.uuid().nullable() });
export const commentSchema = z.strictObject({ text: words });
export const resolutionSchema = z.strictObject({
  reason: words,
  /** why it is right to resolve although the alert still fires */
  override: words.nullable().default(null),
});
export const reopeningSchema = z.strictObject({ reason: words });
export const severityChangeSchema = z.strictObject({ severity: z.enum(severities), reason: words });
export const verdictDecisionSchema = z.strictObject({ verdict: z.enum(verdicts), reason: words });

const counts = z.record(z.string(), z.int());
const person = z.object({ id: z.uuid(), name: z.string() });

export const incidentSchema = z.object({
  id: z.uuid(),
  number: z.int(),
  shopId: z.string(),
  /** the incident in one sentence */
  title: z.string(),
  severity: z.enum(severities),
  status: z.enum(incidentStatuses),
  alertId: z.uuid().nullable(),
  assignee: person.nullable(),
  declaredBy: person.nullable(),
  declaration: z
    .object({
      since: z.string(),
      until: z.string().nullable(),
      filter: cancellationFilterSchema,
      reason: z.string(),
    })
    .nullable(),
  openedAt: moment,
  acknowledgedAt: moment.nullable(),
  resolvedAt: moment.nullable(),
  cases: z.object({ total: z.int(), byState: counts, byVerdict: counts }),
});
export type IncidentView = z.output<typeof incidentSchema>;

export const caseSchema = z.object({
  id: z.uuid(),
  incidentId: z.uuid(),
  shopId: z.string(),
  orderId: z.string(),
  orderNumber: z.string().nullable(),
  state: z.enum(caseStates),
  verdict: z.enum(verdicts),
  reasons: z.array(reasonSchema),
  verdictBy: z.uuid().nullable(),
  evidence: z.enum(['journal', 'none']),
  cancelPosition: z.int().nullable(),
  cancelledAt: moment.nullable(),
  actorKind: z.enum(actorKinds),
  actor: z.string().nullable(),
  cancelReason: z.string().nullable(),
  customerId: z.string().nullable(),
  totalMinor: z.int().nullable(),
  heldMinor: z.int().nullable(),
  currency: z.string().nullable(),
  createdAt: moment,
  updatedAt: moment,
  version: z.int(),
});

export const caseOfOrderSchema = caseSchema.extend({
  incidentNumber: z.int(),
  incidentTitle: z.string(),
  incidentStatus: z.enum(incidentStatuses),
});

export const timelineEntrySchema = z.object({
  incidentId: z.uuid(),
  position: z.int(),
  at: moment,
  type: z.enum(timelineTypes as [string, ...string[]]),
  caseId: z.uuid().nullable(),
  personId: z.uuid().nullable(),
  person: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
