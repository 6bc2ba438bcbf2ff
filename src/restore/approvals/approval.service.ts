import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Fault, type FaultKind } from '../../platform/errors.js';
import { newId } from '../../platform/ids.js';
import { inSpan, linkTo } from '../../platform/telemetry/tracing/span.js';
import { BreakGlass } from '../break-glass.js';
import type { Plan } from '../plans/plan.js';
import { PlanEnds } from '../plans/plan-ends.js';
import { missingPlan } from '../plans/plan.service.js';
import { tracesOfPlan } from '../plans/plan-traces.store.js';
import { ApprovalStore } from './approval.store.js';
import { judgeVote, standingOf, type Approval, type Vote, type VoteRefusal } from './approval.js';

const refusals: Readonly<Record<VoteRefusal, { kind: FaultKind; words: string }>> = {
  'plan-not-proposed': {
    kind: 'conflict',
    words: 'the plan does not wait for a decision any more',
  },
  'plan-expired': { kind: 'conflict', words: 'the plan has expired; propose a new one' },
  'hash-changed': {
    kind: 'conflict',
    words: 'this is not the hash of the plan: look at it again and approve what it says now',
  },
  'services-cannot-approve': {
    kind: 'forbidden',
    words: 'a plan is decided by a person, not by a service',
  },
  'own-plan': {
    kind: 'forbidden',
    words:
      'who asked for a plan cannot approve it; a second person has to, or the glass is broken with a reason',
  },
  'voted-already': {
    kind: 'conflict',
    words: 'you have decided about this plan already; one person has one vote, whatever token',
  },
  'reason-needed': { kind: 'invalid', words: 'breaking the glass needs a reason' },
};

/** Lets persons approve and reject plans. */
@Injectable()
export class ApprovalService {
  constructor(
    private readonly database: Database,
    private readonly plans: PlanEnds,
    private readonly approvals: ApprovalStore,
    private readonly glass: BreakGlass,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Records a person's decision about the plan of this very hash; the plan is approved once enough
   * persons agree, and rejected as soon as one does not. A plan whose approver has left is approved again
   * by somebody else, for as long as their approval holds.
   */
  async vote(planId: string, vote: Vote): Promise<Approval> {
    const attributes = {
      'reinstate.restore_plan.id': planId,
      'reinstate.decision': vote.decision,
    };
    return inSpan({ name: 'decide about restore plan', attributes }, async (span) => {
      await linkTo(span, () => tracesOfPlan(this.database, planId));
      return this.decide(planId, vote);
    });
  }

  private async decide(planId: string, vote: Vote): Promise<Approval> {
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      const plan = await this.plans.lock(transaction, planId);
      if (plan === undefined) throw missingPlan(planId);
      const approvals = await this.approvals.ofPlan(transaction, { planId, now });
      const judged = judgeVote(plan, { vote, approvals, now });
      if (!judged.ok) {
        const { kind, words } = refusals[judged.refusal];
        throw new Fault(kind, judged.refusal, words, {
          data: { planHash: plan.hash, state: plan.state },
        });
      }
      const approval = approvalOf(plan, { vote, approvals, now });
      await this.approvals.insert(transaction, approval);
      await this.apply(transaction, {
        plan,
        approval,
        approvals: [...approvals, approval],
        caller: vote.caller,
        now,
      });
      await this.record(transaction, { plan, approval, caller: vote.caller });
      return approval;
    });
  }

  private async apply(
    transaction: Transaction,
    given: {
      plan: Plan;
      approval: Approval;
      approvals: readonly Approval[];
      caller: Caller;
      now: Date;
    },
  ): Promise<void> {
    const { plan, approval, approvals, now } = given;
    const { personId } = approval;
    const named = { planId: plan.id, planNumber: plan.number };
    const place = { incidentId: plan.incidentId, at: now, personId };
    if (approval.decision === 'rejected') {
      const data = { ...named, reason: approval.reason };
      await this.timeline.append(transaction, { ...place, type: 'plan-rejected', data });
      await this.plans.end(transaction, plan, { state: 'rejected', at: now, personId });
      return;
    }
    if (approval.breakGlass)
      await this.glass.tell(transaction, {
        plan,
        caller: given.caller,
        deed: `approved restore plan ${plan.number} alone`,
        reason: approval.reason ?? '',
        key: approval.id,
        at: now,
      });
    const data = { ...named, hash: plan.hash };
    await this.timeline.append(transaction, { ...place, type: 'plan-approved', data });
    const standing = standingOf(plan, { approvals, startedBy: null, now });
    if (standing.validUntil !== null)
      await this.plans.approve(transaction, plan, standing.validUntil);
  }

  private async record(
    transaction: Transaction,
    { plan, approval, caller }: { plan: Plan; approval: Approval; caller: Caller },
  ): Promise<void> {
    await this.audit.record(transaction, {
      caller,
      at: approval.at,
      action: `restore-plan.${approval.decision}`,
      subjectKind: 'restore-plan',
      subjectId: plan.id,
      data: {
        hash: plan.hash,
        breakGlass: approval.breakGlass,
        reason: approval.reason,
        // an approval of a plan that was `approved` takes the place of one that does not count any more
        planState: plan.state,
      },
    });
  }
}

/** An approval holds as long as the plan waited for its first: that one has moved the plan's own end. */
function approvalOf(
  plan: Plan,
  { vote, approvals, now }: { vote: Vote; approvals: readonly Approval[]; now: Date },
): Approval {
  const { at, expiresAt } = approvals[0] ?? { at: plan.createdAt, expiresAt: plan.expiresAt };
  const goodForMs = expiresAt.getTime() - at.getTime();
  return {
    id: newId(),
    planId: plan.id,
    planHash: plan.hash,
    personId: vote.caller.personId,
    person: vote.caller.name,
    decision: vote.decision,
    breakGlass: vote.breakGlass && vote.decision === 'approved',
    reason: vote.reason,
    at: now,
    expiresAt: new Date(now.getTime() + goodForMs),
    mayApprove: true,
  };
}
