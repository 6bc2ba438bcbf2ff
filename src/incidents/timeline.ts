import { z } from 'zod';
import { severities } from '../alerting/severity.js';
import { caseStates } from './case.js';
import { runbookSchemas } from './runbook-entries.js';
import { reasonSchema, verdicts } from './verdict/verdict.js';

const severity = z.enum(severities);
const caseState = z.enum(caseStates);
const verdict = z.enum(verdicts);
const id = z.uuid();
const count = z.int().min(0);
const words = z.string().min(1);

/** A restore plan (or an undo plan), as its entries name it. */
const plan = { planId: id, planNumber: z.int() };
/** A run of a plan. */
const run = { runId: id, planId: id };
/** A page to the people on call, on its way to one receiver. */
const delivery = { pageId: id, kind: words, receiver: words, attempts: count };
/** One order within a run. */
const order = { runId: id, orderId: z.string(), orderNumber: z.string().nullable() };

/**
 * The closed list of what a timeline can tell, each with the shape of its data. Ids and numbers, no
 * personal data: names of customers never stand here; persons of ours are named by `personId`.
 */
export const timelineSchemas = {
  'incident-opened': z.strictObject({
    line: words,
    severity,
    alertId: id.nullable(),
    /** how many orders were known then */
    orders: count,
  }),
  'incident-declared': z.strictObject({
    line: words,
    severity,
    since: z.iso.datetime(),
    until: z.iso.datetime().nullable(),
    reason: words,
  }),
  'alert-joined': z.strictObject({ alertId: id, summary: words }),
  'alert-resolved': z.strictObject({ alertId: id, summary: words }),
  'line-changed': z.strictObject({ line: words, added: count }),
  'severity-raised': z.strictObject({ from: severity, to: severity, orders: count }),
  'severity-set': z.strictObject({ from: severity, to: severity, reason: words }),
  'incident-acknowledged': z.strictObject({}),
  'incident-assigned': z.strictObject({
    assigneeId: id.nullable(),
    assignee: z.string().nullable(),
  }),
  comment: z.strictObject({ text: words }),
  'incident-resolved': z.strictObject({
    reason: words,
    restored: count,
    closed: count,
    /** why it was resolved although something spoke against it */
    override: words.nullable(),
  }),
  'incident-reopened': z.strictObject({ reason: words }),
  'case-added': z.strictObject({
    orderId: z.string(),
    orderNumber: z.string().nullable(),
    verdict,
    evidence: z.enum(['journal', 'none']),
  }),
  'case-state-changed': z.strictObject({ from: caseState, to: caseState, words }),
  'verdict-changed': z.strictObject({ from: verdict, to: verdict, reasons: z.array(reasonSchema) }),
  'verdict-set': z.strictObject({ from: verdict, to: verdict, reason: words }),
  /** the order was opened again by somebody else, and cancelled once more: the case is about that one now */
  'case-cancelled-again': z.strictObject({
    orderId: z.string(),
    orderNumber: z.string().nullable(),
    /** journal positions of the cancellations */
    fromPosition: z.int(),
    toPosition: z.int(),
    /** a person's verdict was about the one before */
    verdictDropped: z.boolean(),
  }),
  /** a payment came or went since */
  'money-changed': z.strictObject({
    orderId: z.string(),
    orderNumber: z.string().nullable(),
    fromMinor: z.int(),
    toMinor: z.int(),
    currency: z.string().nullable(),
  }),
  'page-delivered': z.strictObject({ ...delivery, deliveredAt: z.iso.datetime() }),
  'page-lost': z.strictObject({ ...delivery, words }),

  'plan-proposed': z.strictObject({ ...plan, hash: words, reopen: count, person: count }),
  'plan-approved': z.strictObject({
    ...plan,
    hash: words,
    /** the policy that approved it, where no person did */
    policy: words.optional(),
  }),
  'plan-rejected': z.strictObject({ ...plan, reason: words.nullable() }),
  'plan-expired': z.strictObject({ ...plan }),
  /** a newer plan of the incident took its place before it was approved */
  'plan-superseded': z.strictObject({ ...plan, by: z.int() }),
  'break-glass': z.strictObject({ ...plan, reason: words }),
  'run-started': z.strictObject({ ...run, orders: count }),
  'run-paused': z.strictObject({ ...run, reason: words.nullable() }),
  'run-resumed': z.strictObject({ ...run }),
  'run-stopped': z.strictObject({ ...run, reason: words, words }),
  'run-waiting': z.strictObject({ ...run, words }),
  'run-finished': z.strictObject({ ...run, counts: z.record(z.string(), count) }),
  'restore-refused': z.strictObject({ planId: id.nullable(), reason: words, words }),
  /** its turn has come; told of the first attempt by its case, where that moves along */
  'order-begun': z.strictObject({ ...order, attempt: count }),
  /** nothing was written to the shop: it waits for its turn again */
  'order-put-back': z.strictObject({ ...order, reason: words, words }),
  'order-restored': z.strictObject({ ...order }),
  'order-verified': z.strictObject({ ...order }),
  'order-refused': z.strictObject({ ...order, reason: words, words }),
  'order-failed': z.strictObject({ ...order, reason: words, words }),
  'order-unknown': z.strictObject({ ...order, words }),
  'order-undone': z.strictObject({ ...order }),
  /** somebody ran the plan's SQL by hand */
  'order-restored-by-hand': z.strictObject({ ...order, words }),
  /** after its restore; `position` is the journal's */
  'order-changed-since': z.strictObject({ ...order, position: z.int(), words }),
  'order-cancelled-again': z.strictObject({ ...order, position: z.int(), words }),
  'order-settled': z.strictObject({
    ...order,
    outcome: z.enum(['applied', 'not-applied']),
    reason: words,
    words,
  }),
  'settlement-contradicted': z.strictObject({ ...order, words }),

  ...runbookSchemas,
} as const;

export type TimelineType = keyof typeof timelineSchemas;
export type TimelineData<Type extends TimelineType> = z.infer<(typeof timelineSchemas)[Type]>;

/** An entry to be written: its type decides the shape of its data. */
export type NewTimelineEntry = {
  [Type in TimelineType]: {
    readonly type: Type;
    readonly data: TimelineData<Type>;
    readonly caseId?: string | null;
    /** null (or left out) where Reinstate itself did it */
    readonly personId?: string | null;
  };
}[TimelineType];

/** An entry as it stands on the timeline. */
export type TimelineEntry = NewTimelineEntry & {
  readonly incidentId: string;
  /** counts the incident's entries from 1 without holes */
  readonly position: number;
  readonly at: Date;
  readonly caseId: string | null;
  readonly personId: string | null;
  /** the person's name, for people */
  readonly person: string | null;
};

export const timelineTypes = Object.keys(timelineSchemas) as TimelineType[];
