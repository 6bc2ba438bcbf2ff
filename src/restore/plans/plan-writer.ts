import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { IncidentStore } from '../../incidents/incident.store.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import type { Shop } from '../../shops/shop-registry.js';
import { CaseMoves } from '../case-moves.js';
import { incidentResolvedFault } from '../incident-resolved.js';
import { planHash, type Plan, type PlanAction, type PlanItem } from './plan.js';
import { PlanStore, type NewPlan } from './plan.store.js';

export interface PlanToWrite {
  /** the id that the plan gets, where somebody has chosen one; it is then written once */
  readonly planId?: string;
  readonly shop: Shop;
  readonly incidentId: string;
  readonly action: PlanAction;
  readonly undoesRunId: string | null;
  readonly items: readonly PlanItem[];
  readonly caller: Caller;
}

type Timed = PlanToWrite & { readonly now: Date };

/** Writes a proposed plan down: the older ones that it takes the place of, its cases, timeline and audit with it. */
@Injectable()
export class PlanWriter {
  constructor(
    private readonly database: Database,
    private readonly store: PlanStore,
    private readonly incidents: IncidentStore,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Whether there is a plan of this id. */
  async isWritten(planId: string): Promise<boolean> {
    return (await this.store.read(this.database, planId)) !== undefined;
  }

  /**
   * Gives the new plan's id.
   * @throws Fault `incident-resolved`: what could not be started is not to be approved, an undo neither
   */
  async write(toWrite: PlanToWrite): Promise<string> {
    const given = { ...toWrite, now: this.clock.now() };
    const plan = newPlan(given);
    await this.database.transaction(async (transaction) => {
      const older = await this.store.lockProposed(transaction, plan);
      const incident = await this.incidents.lock(transaction, plan.incidentId);
      if (incident?.status === 'resolved') throw incidentResolvedFault(incident);
      const number = await this.store.insert(transaction, plan);
      for (const one of older) await this.supersede(transaction, one, { number, at: given.now });
      // only now, so that each of its cases tells that it left the older plan for this one
      await this.store.insertItems(transaction, plan.id, given.items);
      await this.tell(transaction, given, { plan, number });
      if (given.action === 'restore') await this.moveCases(transaction, given, number);
      await this.audit.record(transaction, {
        caller: given.caller,
        at: given.now,
        action: 'restore-plan.proposed',
        subjectKind: 'restore-plan',
        subjectId: plan.id,
        data: { number, action: plan.action, hash: plan.hash, incidentId: plan.incidentId },
      });
      await this.store.startCursor(transaction, plan.shopId, given.now);
    });
    return plan.id;
  }

  /** Of one kind, only the newest proposed plan can still be approved; one that is approved keeps its cases. */
  private async supersede(
    transaction: Transaction,
    older: Plan,
    newer: { number: number; at: Date },
  ): Promise<void> {
    const { incidentId } = older;
    const { at } = newer;
    await this.store.setState(transaction, older.id, { state: 'superseded' });
    await this.timeline.append(transaction, {
      ...{ incidentId, at, type: 'plan-superseded' },
      data: { planId: older.id, planNumber: older.number, by: newer.number },
    });
    if (older.action === 'undo') return;
    await this.moves.move(transaction, {
      ...{ incidentId, at, from: ['planned'], to: 'open' },
      caseIds: await this.store.casesLeft(transaction, older),
      words: `plan ${older.number} was superseded by a newer one`,
    });
  }

  private async tell(
    transaction: Transaction,
    given: Timed,
    { plan, number }: { plan: NewPlan; number: number },
  ): Promise<void> {
    const named = { planId: plan.id, planNumber: number, hash: plan.hash };
    const reopen = given.items.filter((item) => item.disposition === 'reopen').length;
    const entry = { incidentId: plan.incidentId, at: given.now, personId: given.caller.personId };
    await this.timeline.append(transaction, {
      ...entry,
      type: 'plan-proposed',
      data: { ...named, reopen, person: given.items.length - reopen },
    });
    if (plan.state === 'approved')
      await this.timeline.append(transaction, {
        incidentId: plan.incidentId,
        at: given.now,
        type: 'plan-approved',
        data: { ...named, policy: policyWords(given.shop) },
      });
  }

  private async moveCases(transaction: Transaction, given: Timed, number: number): Promise<void> {
    const place = { incidentId: given.incidentId, at: given.now };
    await this.moves.move(transaction, {
      ...place,
      caseIds: casesWith(given.items, 'reopen'),
      to: 'planned',
      words: `part of restore plan ${number}`,
    });
    for (const [words, caseIds] of byWords(given.items))
      await this.moves.move(transaction, {
        ...place,
        caseIds,
        from: ['open', 'planned'],
        to: 'person',
        words,
      });
  }
}

/** Nobody was asked: the policy that says so names itself. */
function policyWords({ id }: Shop): string {
  return `by policy: shop ${id} asks for no approval (restore.approvals is 0)`;
}

function newPlan(given: Timed): NewPlan {
  const { shop, incidentId, action, undoesRunId, items, caller, now } = given;
  const { approvals, expires_minutes: minutes } = shop.policy;
  return {
    id: given.planId ?? newId(),
    incidentId,
    shopId: shop.id,
    action,
    undoesRunId,
    state: approvals === 0 ? 'approved' : 'proposed',
    hash: planHash({ shopId: shop.id, incidentId, action }, items),
    approvalsNeeded: approvals,
    requestedBy: caller.personId,
    createdAt: now,
    expiresAt: new Date(now.getTime() + minutes * 60_000),
  };
}

function casesWith(items: readonly PlanItem[], disposition: PlanItem['disposition']): string[] {
  return items.filter((item) => item.disposition === disposition).map((item) => item.caseId);
}

/** Cases left to a person, by what is said about them. */
function byWords(items: readonly PlanItem[]): Map<string, string[]> {
  const left = items.filter((item) => item.disposition === 'person');
  const groups = Map.groupBy(left, (item) => `${item.reason ?? ''}: ${item.detail ?? ''}`);
  return new Map([...groups].map(([words, group]) => [words, group.map((item) => item.caseId)]));
}
