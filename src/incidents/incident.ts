import type { Severity } from '../alerting/severity.js';
import type { ActorKind } from '../orders/order-event.js';
import { transitionTable } from './transitions.js';

export const incidentStatuses = ['open', 'acknowledged', 'resolved'] as const;
export type IncidentStatus = (typeof incidentStatuses)[number];

/** Checked when this file is loaded: a broken table stops the service at its start. */
export const incidentTransitions = transitionTable<IncidentStatus>({
  subject: 'incident',
  initial: 'open',
  next: {
    open: ['acknowledged', 'resolved'],
    acknowledged: ['resolved'],
    resolved: ['open'],
  },
  words: {
    open: 'open and nobody has taken it yet',
    acknowledged: 'acknowledged: somebody works on it',
    resolved: 'resolved',
  },
});

/** Which cancellations a declared incident is about; every given part has to fit. */
export interface CancellationFilter {
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly actorKind?: ActorKind | undefined;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
}

/** What a person declared: a period of cancellations; without an end it goes on until resolved. */
export interface Declaration {
  readonly since: string;
  readonly until: string | null;
  readonly filter: CancellationFilter;
  readonly reason: string;
}

/** What went wrong once and is dealt with as one: its orders are its cases. */
export interface Incident {
  readonly id: string;
  /** what people call it by */
  readonly number: number;
  readonly shopId: string;
  readonly fingerprint: string;
  /** the newest of its alerts; null where a person declared it */
  readonly alertId: string | null;
  /** the incident in one sentence */
  readonly title: string;
  readonly severity: Severity;
  readonly severityBy: string | null;
  readonly status: IncidentStatus;
  readonly journalPosition: number;
  readonly assigneeId: string | null;
  readonly declaredBy: string | null;
  readonly declaration: Declaration | null;
  readonly openedAt: Date;
  readonly acknowledgedAt: Date | null;
  readonly resolvedAt: Date | null;
  readonly version: number;
}
