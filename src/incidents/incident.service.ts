import { Injectable } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { Caller } from '../access/caller.js';
import type { Severity } from '../alerting/severity.js';
import { Clock } from '../platform/clock.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { IncidentEnds } from './incident-ends.js';
import { incidentTransitions, type Incident, type IncidentStatus } from './incident.js';
import { IncidentStore, type IncidentChange, type IncidentQuery } from './incident.store.js';
import type { NewTimelineEntry } from './timeline.js';
import { missingIncident, TimelineService } from './timeline.service.js';
import { mayFollow, refusalOf } from './transitions.js';

/** What a person does to an incident: the change, its timeline entry and its audit record. */
interface Deed {
  readonly action: string;
  readonly change: IncidentChange;
  readonly entry: NewTimelineEntry;
}

/** What people do to incidents. Each change is on the timeline and in the audit, in one transaction. */
@Injectable()
export class IncidentService {
  constructor(
    private readonly database: Database,
    private readonly store: IncidentStore,
    private readonly ends: IncidentEnds,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  async get(incidentId: string): Promise<Incident> {
    const found = await this.store.read(this.database, incidentId);
    if (found === undefined) throw missingIncident(incidentId);
    return found;
  }

  /** Newest first. */
  async list(query: IncidentQuery): Promise<Incident[]> {
    return this.store.list(this.database, query);
  }

  /** Somebody works on it: they become its assignee where nobody is yet. */
  async acknowledge(caller: Caller, incidentId: string): Promise<Incident> {
    const { personId } = caller;
    return this.act(caller, incidentId, (_transaction, incident, at) => {
      checkStatus(incident, 'acknowledged');
      const assigneeId = incident.assigneeId ?? (caller.kind === 'person' ? personId : null);
      return Promise.resolve({
        action: 'incident.acknowledged',
        change: { status: 'acknowledged', acknowledgedAt: at, assigneeId },
        entry: { type: 'incident-acknowledged', personId, data: {} },
      });
    });
  }

  /** Gives the incident to a person, or to nobody. */
  async assign(caller: Caller, incidentId: string, assigneeId: string | null): Promise<Incident> {
    return this.act(caller, incidentId, async (transaction) => {
      const assignee =
        assigneeId === null ? null : await this.store.assignable(transaction, assigneeId);
      if (assignee === undefined)
        throw new Fault(
          'invalid',
          'assignee-unknown',
          'there is no such person who could be given the incident; GET /persons lists them',
        );
      return {
        action: 'incident.assigned',
        change: { assigneeId },
        entry: {
          type: 'incident-assigned',
          personId: caller.personId,
          data: { assigneeId, assignee },
        },
      };
    });
  }

  async comment(caller: Caller, incidentId: string, text: string): Promise<Incident> {
    const { personId } = caller;
    return this.act(caller, incidentId, () =>
      Promise.resolve({
        action: 'incident.commented',
        change: {},
        entry: { type: 'comment', personId, data: { text } },
      }),
    );
  }

  /** A severity by hand: numbers do not change it any more. */
  async setSeverity(
    caller: Caller,
    incidentId: string,
    given: { severity: Severity; reason: string },
  ): Promise<Incident> {
    const { personId } = caller;
    return this.act(caller, incidentId, (_transaction, incident) =>
      Promise.resolve({
        action: 'incident.severity-set',
        change: { severity: given.severity, severityBy: personId },
        entry: {
          type: 'severity-set',
          personId,
          data: { from: incident.severity, to: given.severity, reason: given.reason },
        },
      }),
    );
  }

  /**
   * Ends the incident; cases that were not restored are closed. Refused while a restore run of it has not
   * ended, and while cancellations still arrive, unless `override` says why it is right all the same.
   */
  async resolve(
    caller: Caller,
    incidentId: string,
    given: { reason: string; override: string | null },
  ): Promise<Incident> {
    const { personId } = caller;
    return this.act(caller, incidentId, async (transaction, incident, at) => {
      checkStatus(incident, 'resolved');
      const { override } = given;
      const ended = await this.ends.close(transaction, incident, { at, personId, override });
      return {
        action: 'incident.resolved',
        change: { status: 'resolved', resolvedAt: at },
        entry: {
          type: 'incident-resolved',
          personId,
          data: { reason: given.reason, ...ended, override },
        },
      };
    });
  }

  /** Takes a resolved incident up again, with the cases that were closed. */
  async reopen(caller: Caller, incidentId: string, reason: string): Promise<Incident> {
    return this.act(caller, incidentId, async (transaction, incident, at) => ({
      action: 'incident.reopened',
      ...(await this.reopening(transaction, incident, { at, reason, personId: caller.personId })),
    }));
  }

  /** The same by Reinstate itself: the failure goes on although somebody had resolved the incident. */
  async reopenByItself(
    transaction: Transaction,
    incident: Incident,
    given: { at: Date; reason: string },
  ): Promise<NewTimelineEntry> {
    const deed = await this.reopening(transaction, incident, { ...given, personId: null });
    await this.applyChange(transaction, incident.id, deed.change);
    return deed.entry;
  }

  private async reopening(
    transaction: Transaction,
    incident: Incident,
    given: { at: Date; reason: string; personId: string | null },
  ): Promise<Pick<Deed, 'change' | 'entry'>> {
    const { reason, personId } = given;
    checkStatus(incident, 'open');
    const other = await this.store.lockOpen(transaction, incident.fingerprint);
    if (other !== undefined) throw sameFailureOpen(other.number);
    await this.ends.reopen(transaction, incident, given);
    return {
      change: { status: 'open', acknowledgedAt: null, resolvedAt: null },
      entry: { type: 'incident-reopened', personId, data: { reason } },
    };
  }

  private async act(
    caller: Caller,
    incidentId: string,
    decide: (transaction: Transaction, incident: Incident, at: Date) => Promise<Deed>,
  ): Promise<Incident> {
    const at = this.clock.now();
    await this.database.transaction(async (transaction) => {
      const incident = await this.store.lock(transaction, incidentId);
      if (incident === undefined) throw missingIncident(incidentId);
      const deed = await decide(transaction, incident, at);
      await this.applyChange(transaction, incidentId, deed.change);
      await this.timeline.append(transaction, { ...deed.entry, incidentId, at });
      await this.audit.record(transaction, {
        caller,
        at,
        action: deed.action,
        subjectKind: 'incident',
        subjectId: incidentId,
        data: deed.entry.data,
      });
    });
    return this.get(incidentId);
  }

  /** The database takes only one open incident per fingerprint: a race ends here, in words. */
  private async applyChange(
    transaction: Transaction,
    incidentId: string,
    change: IncidentChange,
  ): Promise<void> {
    const changed = await this.store.tryUpdate(transaction, incidentId, change);
    if (!changed) throw sameFailureOpen(null);
  }
}

function checkStatus(incident: Incident, to: IncidentStatus): void {
  const change = { from: incident.status, to };
  if (!mayFollow(incidentTransitions, change))
    throw refusalOf(incidentTransitions, { ...change, subject: `incident ${incident.number}` });
}

function sameFailureOpen(number: number | null): Fault {
  const which = number === null ? 'another incident' : `incident ${number}`;
  return new Fault(
    'conflict',
    'same-failure-open',
    `${which} of the same failure is open; go on with that one`,
  );
}
