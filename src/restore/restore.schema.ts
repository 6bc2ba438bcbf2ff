import { z } from 'zod';
import { pageQuerySchema } from '../platform/http/page.js';
import { failureReasons, refusalReasons } from '../shops/shop-adapter.js';
import { orderSnapshotSchema } from '../orders/order-snapshot.js';
import { planStates } from './plans/plan.js';
import { itemStates, runStates, settledOutcomes, stopReasons } from './runs/run.js';

const moment = z.date();
const words = z.string().trim().min(1).max(4_000);
const count = z.int().min(0);
const actions = ['restore', 'undo'] as const;
/** a request without a body asks for what is usual */
const bodyOf = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.preprocess((body) => body ?? {}, z.strictObject(shape));

export const proposalSchema = bodyOf({
  /** cases to plan for; left out: all wrongful ones that wait. An unsure one is only reopened when it is alone */
  cases: z.array(z.uuid()).min(1).max(10_000).nullable().default(null),
});
export type Proposal = z.output<typeof proposalSchema>;

export const decisionSchema = z.strictObject({
  decision: z.enum(['approved', 'rejected']),
  /** hash of the plan that was looked at */
  planHash: z.string(),
  /** approves alone what two persons should approve; needs a reason, and pages */
  breakGlass: z.boolean().default(false),
  reason: words.nullable().default(null),
});
export type Decision = z.output<typeof decisionSchema>;

const override = z.strictObject({ reason: words }).nullable().default(null);

export const startSchema = bodyOf({
  /** hash of the plan that is meant; left out: as it is */
  planHash: z.string().nullable().default(null),
  /** starts it although matching cancellations still come; for approvers, with a reason, and pages */
  overrideBleeding: override,
});
export type StartBody = z.output<typeof startSchema>;

export const goOnSchema = bodyOf({ overrideBleeding: override });
export type GoOnBody = z.output<typeof goOnSchema>;

export const pauseSchema = bodyOf({ reason: words.nullable().default(null) });
export type PauseBody = z.output<typeof pauseSchema>;

export const stopSchema = z.strictObject({ reason: words });
export type StopBody = z.output<typeof stopSchema>;

export const settleSchema = z.strictObject({
  /** `applied`: the shop holds it; `not-applied`: the shop was not changed */
  outcome: z.enum(settledOutcomes),
  /** how that was found out, for the timeline */
  reason: words,
});
export type SettleBody = z.output<typeof settleSchema>;

export const scriptQuerySchema = z.strictObject({
  /** why the script is taken although matching cancellations still come; pages */
  overrideBleeding: words.optional(),
});
export type ScriptQuery = z.output<typeof scriptQuerySchema>;

export const runItemQuerySchema = pageQuerySchema.extend({
  /** several with commas: `failed,refused` */
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(itemStates)))
    .optional(),
});
export type RunItemQuery = z.output<typeof runItemQuerySchema>;

export const approvalSchema = z.object({
  id: z.uuid(),
  planId: z.uuid(),
  planHash: z.string(),
  personId: z.uuid(),
  person: z.string(),
  decision: z.enum(['approved', 'rejected']),
  breakGlass: z.boolean(),
  reason: z.string().nullable(),
  at: moment,
  expiresAt: moment,
  /** false once the person is disabled or has no role to approve by: then it does not count any more */
  mayApprove: z.boolean(),
});

export const planSchema = z.object({
  id: z.uuid(),
  number: z.int(),
  incidentId: z.uuid(),
  shopId: z.string(),
  action: z.enum(actions),
  undoesRunId: z.uuid().nullable(),
  state: z.enum(planStates),
  hash: z.string(),
  approvalsNeeded: count,
  requestedBy: z.uuid(),
  createdAt: moment,
  expiresAt: moment,
  version: z.int(),
  /** how many orders are set back, and how many are left to people */
  reopen: count,
  person: count,
  notes: z.array(z.string()),
  approvals: z.array(approvalSchema),
  standing: z.object({
    approved: z.boolean(),
    brokenGlass: z.boolean(),
    missing: count,
    validUntil: moment.nullable(),
  }),
  /** its run, once it was started */
  runId: z.uuid().nullable(),
});

const sealed = z.object({ sealed: z.string(), hash: z.string(), keyOf: z.string() });
const value = z.union([z.string(), z.null(), sealed]);
const image = z.record(z.string(), value);
const key = z.array(z.string());
const bound = z.union([z.string(), z.number()]).nullable();
const plannedChangeSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('set'), table: z.string(), key, expected: image, to: image }),
  z.object({
    do: z.literal('move'),
    table: z.string(),
    key,
    column: z.string(),
    amount: z.string(),
    minimum: bound,
    maximum: bound,
  }),
  z.object({
    do: z.literal('insert'),
    table: z.string(),
    row: z.record(z.string(), z.union([value, z.object({ at: z.literal('restore') })])),
    compensates: key.nullable(),
  }),
  z.object({ do: z.literal('delete'), table: z.string(), key, expected: image }),
]);

export const planItemSchema = z.object({
  id: z.uuid(),
  caseId: z.uuid(),
  orderId: z.string(),
  orderNumber: z.string().nullable(),
  sequence: count,
  disposition: z.enum(['reopen', 'person']),
  reason: z.enum(refusalReasons).nullable(),
  detail: z.string().nullable(),
  expectedStatus: z.string().nullable(),
  changes: z.array(plannedChangeSchema),
  /** how all of the order's own rows must still stand, also those that are not written */
  expect: z.array(z.object({ table: z.string(), rows: z.array(z.object({ key, values: image })) })),
  before: orderSnapshotSchema.nullable(),
  source: z.object({ positions: z.array(z.int()), spanPosition: z.int(), lastPosition: z.int() }),
  risks: z.array(z.object({ code: z.string(), words: z.string() })),
  words: z.object({
    order: z.string(),
    headline: z.string(),
    changes: z.array(z.string()),
    risks: z.array(z.string()),
  }),
});

export const runSchema = z.object({
  id: z.uuid(),
  planId: z.uuid(),
  incidentId: z.uuid(),
  shopId: z.string(),
  action: z.enum(actions),
  planHash: z.string(),
  state: z.enum(runStates),
  /** 0: the canary, 1: the next ten, 2: the rest */
  stage: count,
  stopReason: z.enum(stopReasons).nullable(),
  /** `person`: only orders are left whose outcome is unknown or that the stream has not shown, which a person may settle */
  waitsFor: z.literal('person').nullable(),
  /** orders that are being written, or not yet seen in the shop's stream */
  underWay: count,
  startedBy: z.uuid(),
  startedAt: moment,
  endedAt: moment.nullable(),
  byHand: z.boolean(),
  bleedingOverride: z.string().nullable(),
  /** orders by state */
  items: z.record(z.enum(itemStates), count),
});
export type RunView = z.output<typeof runSchema>;

export const runItemSchema = z.object({
  id: z.uuid(),
  planItemId: z.uuid(),
  caseId: z.uuid(),
  orderId: z.string(),
  orderNumber: z.string().nullable(),
  sequence: count,
  stage: count,
  state: z.enum(itemStates),
  reason: z.enum([...refusalReasons, ...failureReasons]).nullable(),
  detail: z.string().nullable(),
  attempts: count,
  nextAttemptAt: moment.nullable(),
  appliedAt: moment.nullable(),
  echoPosition: z.int().nullable(),
  verifiedAt: moment.nullable(),
  /** what a person said of an attempt whose outcome was unknown */
  settledOutcome: z.enum(settledOutcomes).nullable(),
});
export type RunItemView = z.output<typeof runItemSchema>;

export const bleedingSchema = z.object({
  bleeding: z.boolean(),
  cause: z
    .enum(['still-arriving', 'stream-not-running', 'stream-behind', 'shop-unreachable'])
    .optional(),
  sentence: z.string().optional(),
  lastSeenAt: moment.nullable(),
  requiredMs: z.number(),
  mayBeOverAt: moment.nullable().optional(),
});
