import type { LoggedEvent } from '../platform/telemetry/log.js';
import { logContext } from '../platform/telemetry/log-context.js';
import { traceIdOf } from '../platform/telemetry/trace.js';
import type { NewTimelineEntry, TimelineType } from './timeline.js';

/** What the entry's case is about, for who searches the log by it. */
export interface CaseSubject {
  readonly caseId: string;
  readonly orderId: string;
  /** of the shop's cancellation, where the shop left one */
  readonly traceparent: string | null;
}

export interface TimelineLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: LoggedEvent;
  readonly message: string;
}

/** Ids that an entry's data may hold, and the fields that they are in the log. */
const idFields = {
  alertId: 'alert_id',
  orderId: 'order_id',
  pageId: 'page_id',
  planId: 'restore_plan_id',
  runId: 'restore_run_id',
  runbookRunId: 'runbook_run_id',
} as const;

/**
 * Codes, states and counts that go into the log beside the ids. Whatever else an entry holds may be a
 * person's words, and stands on the timeline alone.
 */
const details: Partial<Record<TimelineType, readonly string[]>> = {
  'incident-opened': ['severity', 'orders'],
  'incident-declared': ['severity'],
  'line-changed': ['added'],
  'severity-raised': ['from', 'to', 'orders'],
  'severity-set': ['from', 'to'],
  'incident-resolved': ['restored', 'closed'],
  'case-added': ['verdict', 'evidence'],
  'case-state-changed': ['from', 'to'],
  'verdict-changed': ['from', 'to'],
  'verdict-set': ['from', 'to'],
  'page-delivered': ['kind', 'attempts'],
  'page-lost': ['kind', 'attempts'],
  'plan-proposed': ['reopen', 'person'],
  'run-started': ['orders'],
  'run-stopped': ['reason'],
  'restore-refused': ['reason'],
  'order-begun': ['attempt'],
  'order-put-back': ['reason'],
  'order-refused': ['reason'],
  'order-failed': ['reason'],
  'order-settled': ['outcome'],
  'runbook-run-started': ['steps'],
  'runbook-step-begun': ['kind'],
  'runbook-step-done': ['kind'],
  'runbook-step-failed': ['kind', 'reason'],
};

const levels: Partial<Record<TimelineType, TimelineLine['level']>> = {
  'line-changed': 'debug',
  'case-state-changed': 'debug',
  'order-begun': 'debug',
  // its delivery has been logged when it ended
  'page-delivered': 'debug',
  'page-lost': 'debug',
  'runbook-step-begun': 'debug',
  'runbook-step-failed': 'warn',
  'runbook-run-stopped': 'warn',
  'restore-refused': 'warn',
  'order-refused': 'warn',
  'order-cancelled-again': 'warn',
  'break-glass': 'warn',
  'run-stopped': 'error',
  'order-failed': 'error',
  'order-unknown': 'error',
  'settlement-contradicted': 'error',
};

/** The log line of a timeline entry. Pure, but for the trace of the work around it, which comes first. */
export function timelineLine(
  entry: NewTimelineEntry,
  place: { incidentId: string; shopId: string; subject: CaseSubject | undefined },
): TimelineLine {
  const { type, caseId, personId } = entry;
  const { subject } = place;
  const data: Readonly<Record<string, unknown>> = entry.data;
  const ids = Object.entries(idFields).map(([name, field]) => [field, loggable(data[name])]);
  const told = (details[type] ?? []).map((name) => [name, loggable(data[name])]);
  return {
    level: levels[type] ?? 'info',
    message: type.replaceAll('-', ' '),
    event: {
      trace_id: logContext().trace_id ?? traceIdOf(subject?.traceparent),
      shop: place.shopId,
      incident_id: place.incidentId,
      case_id: caseId,
      order_id: subject?.orderId,
      person_id: personId,
      ...withValues([...ids, ...told]),
      event: type,
    },
  };
}

function loggable(value: unknown): string | number | null {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function withValues(fields: readonly unknown[][]): Record<string, string | number> {
  return Object.fromEntries(fields.filter(([, value]) => value !== null)) as Record<
    string,
    string | number
  >;
}
