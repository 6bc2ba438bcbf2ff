import { Injectable } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { Caller } from '../access/caller.js';
import { JournalService } from '../journal/journal.service.js';
import { Clock } from '../platform/clock.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { caseTransitions, type Case, type CaseState } from './case.js';
import { CaseStore, type CaseOfOrder, type CaseQuery } from './case.store.js';
import { IncidentStore } from './incident.store.js';
import { missingIncident, TimelineService } from './timeline.service.js';
import { mayFollow, refusalOf } from './transitions.js';
import type { Verdict } from './verdict/verdict.js';

/** A change of state, with what people shall read about it. */
export interface CaseChange {
  readonly to: CaseState;
  readonly at: Date;
  /** why, in words */
  readonly words: string;
  /** null (or left out) where Reinstate itself did it */
  readonly personId?: string | null;
}

/** The cases of all incidents: what becomes of each affected order. */
@Injectable()
export class CaseService {
  constructor(
    private readonly database: Database,
    private readonly store: CaseStore,
    private readonly incidents: IncidentStore,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly journal: JournalService,
  ) {}

  /**
   * Changes a case's state and writes the timeline entry, in the caller's transaction. Locks the
   * incident, then the case.
   * @throws Fault `transition-refused` in words where the state does not allow it
   */
  async transition(
    transaction: Transaction,
    change: CaseChange & { readonly caseId: string },
  ): Promise<void> {
    await this.transitionAll(transaction, { ...change, caseIds: [change.caseId] });
  }

  /** The same for many cases of one incident at once: all of them, or none. */
  async transitionAll(
    transaction: Transaction,
    change: CaseChange & { readonly caseIds: readonly string[] },
  ): Promise<void> {
    if (change.caseIds.length === 0) return;
    const incidentId = await this.incidentOf(transaction, change.caseIds);
    await this.incidents.lock(transaction, incidentId);
    const cases = await this.store.lock(transaction, change.caseIds);
    await this.apply(transaction, cases, change);
  }

  /** The same for cases of one incident that the caller has locked, after the incident. */
  async transitionLocked(
    transaction: Transaction,
    cases: readonly Case[],
    change: CaseChange,
  ): Promise<void> {
    await this.apply(transaction, cases, change);
  }

  /**
   * Changes the cases of an incident that are in one of these states; gives how many. The caller has
   * locked the incident.
   */
  async transitionFrom(
    transaction: Transaction,
    incidentId: string,
    states: readonly CaseState[],
    change: CaseChange,
  ): Promise<number> {
    const cases = await this.store.lockInStates(transaction, incidentId, states);
    await this.apply(transaction, cases, change);
    return cases.length;
  }

  /** How many cases of an incident are in each state. */
  async countStates(
    transaction: Transaction,
    incidentId: string,
  ): Promise<ReadonlyMap<CaseState, number>> {
    const counts = new Map<CaseState, number>();
    for (const { state, count } of await this.store.countOfIncidents(transaction, [incidentId]))
      counts.set(state, (counts.get(state) ?? 0) + count);
    return counts;
  }

  /** A person's verdict: it stands until a person gives another one. */
  async decideVerdict(
    caller: Caller,
    decision: { incidentId: string; caseId: string; verdict: Verdict; reason: string },
  ): Promise<Case> {
    const { incidentId, caseId, verdict, reason } = decision;
    const at = this.clock.now();
    await this.database.transaction(async (transaction) => {
      await this.incidents.lock(transaction, incidentId);
      const [found] = await this.store.lock(transaction, [caseId]);
      if (found?.incidentId !== incidentId) throw missingCase(caseId);
      const { personId } = caller;
      await this.store.setVerdict(transaction, { caseId, verdict, personId, at });
      const { shopId, actorKind } = found;
      if (verdict !== found.verdict)
        await this.journal.tally(transaction, shopId, [{ what: verdict, actorKind, orders: 1 }]);
      await this.timeline.append(transaction, {
        incidentId,
        at,
        type: 'verdict-set',
        caseId,
        personId,
        data: { from: found.verdict, to: verdict, reason },
      });
      await this.audit.record(transaction, {
        caller,
        at,
        action: 'case.judged',
        subjectKind: 'case',
        subjectId: caseId,
        data: { verdict, reason },
      });
    });
    return this.getIn(incidentId, caseId);
  }

  /** The case, if it is one of this incident. */
  async getIn(incidentId: string, caseId: string): Promise<Case> {
    const found = await this.store.read(this.database, caseId);
    if (found?.incidentId !== incidentId) throw missingCase(caseId);
    return found;
  }

  /** In the order in which they were added. */
  async list(query: CaseQuery): Promise<Case[]> {
    return this.store.list(this.database, query);
  }

  /** "Which incident is this order in?", newest first. */
  async casesOfOrder(shopId: string, orderId: string): Promise<CaseOfOrder[]> {
    return this.store.ofOrder(this.database, shopId, orderId);
  }

  private async apply(
    transaction: Transaction,
    cases: readonly Case[],
    change: CaseChange,
  ): Promise<void> {
    const [first] = cases;
    if (first === undefined) return;
    const { to, at } = change;
    const refused = cases.find((one) => !mayFollow(caseTransitions, { from: one.state, to }));
    if (refused !== undefined) {
      const subject = `the case of order ${refused.orderNumber ?? refused.orderId}`;
      throw refusalOf(caseTransitions, { from: refused.state, to, subject });
    }
    await this.store.setState(transaction, { caseIds: cases.map((one) => one.id), to, at });
    await this.timeline.appendAll(
      transaction,
      { incidentId: first.incidentId, at },
      cases.map((one) => ({
        type: 'case-state-changed',
        caseId: one.id,
        personId: change.personId ?? null,
        data: { from: one.state, to, words: change.words },
      })),
    );
  }

  /** The one incident of all these cases. */
  private async incidentOf(transaction: Transaction, caseIds: readonly string[]): Promise<string> {
    const found = await this.store.incidentsOf(transaction, caseIds);
    const known = new Set(found.map((one) => one.id));
    const missing = caseIds.find((caseId) => !known.has(caseId));
    if (missing !== undefined) throw missingCase(missing);
    const incidents = [...new Set(found.map((one) => one.incidentId))];
    const [incidentId] = incidents;
    if (incidentId === undefined) throw missingIncident('of no case');
    if (incidents.length > 1)
      throw new Fault(
        'invalid',
        'cases-of-many-incidents',
        'the cases belong to several incidents',
      );
    return incidentId;
  }
}

export function missingCase(caseId: string): Fault {
  return new Fault('missing', 'case-unknown', `there is no case ${caseId}`);
}
