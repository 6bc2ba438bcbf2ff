import { AsyncLocalStorage } from 'node:async_hooks';

/** What a log line can be about. Ids and codes only: never a name, an address or a customer's words. */
export interface LogFields {
  /** 32 hex digits; the caller's, or that of the shop's own trace where work follows from a journal entry */
  readonly trace_id?: string | null | undefined;
  /** background step */
  readonly step?: string | null | undefined;
  readonly shop?: string | null | undefined;
  readonly order_id?: string | null | undefined;
  readonly finding_id?: string | null | undefined;
  readonly alert_id?: string | null | undefined;
  readonly incident_id?: string | null | undefined;
  readonly case_id?: string | null | undefined;
  readonly restore_plan_id?: string | null | undefined;
  readonly restore_run_id?: string | null | undefined;
  readonly runbook_run_id?: string | null | undefined;
  readonly page_id?: string | null | undefined;
}

const present = new AsyncLocalStorage<LogFields>();

/**
 * Runs `work` so that every line that is logged during it, at whatever depth and after whatever wait,
 * carries these fields and those of the work around it; the inner ones win.
 */
export function withLogContext<T>(fields: LogFields, work: () => T): T {
  return present.run({ ...present.getStore(), ...known(fields) }, work);
}

/** The fields of the work that is being done. */
export function logContext(): LogFields {
  return present.getStore() ?? {};
}

/** Without those that have no value. */
export function known(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  );
}
