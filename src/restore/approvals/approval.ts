import type { Caller } from '../../access/caller.js';
import { refuse, ok, type Result } from '../../platform/result.js';
import type { PlanState } from '../plans/plan.js';

/** One person's vote on one plan. */
export interface Approval {
  readonly id: string;
  readonly planId: string;
  /** the plan as it was when the person looked */
  readonly planHash: string;
  readonly personId: string;
  readonly person: string;
  readonly decision: 'approved' | 'rejected';
  readonly breakGlass: boolean;
  readonly reason: string | null;
  readonly at: Date;
  readonly expiresAt: Date;
  /** the person is not disabled, and could still come in as somebody who may approve */
  readonly mayApprove: boolean;
}

/** What decides about approvals: the plan as far as it matters here. */
export interface PlanToApprove {
  readonly state: PlanState;
  readonly hash: string;
  readonly approvalsNeeded: number;
  readonly requestedBy: string;
  readonly expiresAt: Date;
}

export interface Vote {
  readonly caller: Caller;
  readonly decision: 'approved' | 'rejected';
  /** the hash that the person was shown */
  readonly hash: string;
  /** set where the person approves against the rule of two persons */
  readonly breakGlass: boolean;
  readonly reason: string | null;
}

export const voteRefusals = [
  'plan-not-proposed',
  'plan-expired',
  'hash-changed',
  'services-cannot-approve',
  'own-plan',
  'voted-already',
  'reason-needed',
] as const;
export type VoteRefusal = (typeof voteRefusals)[number];

/**
 * Whether this vote counts. Two tokens of one person are one person; a service is no person; who asked
 * for the plan cannot approve it, save by breaking the glass with a reason. A rejection by anybody
 * (the requester too) always may; so may an approval in place of one that does not count any more. Pure.
 */
export function judgeVote(
  plan: PlanToApprove,
  facts: { vote: Vote; approvals: readonly Approval[]; now: Date },
): Result<'counts', VoteRefusal> {
  const { vote, approvals, now } = facts;
  const approving = vote.decision === 'approved';
  if (!takesVote(plan, facts)) return refuse('plan-not-proposed');
  if (plan.expiresAt <= now) return refuse('plan-expired');
  if (vote.hash !== plan.hash) return refuse('hash-changed');
  if (vote.caller.kind !== 'person') return refuse('services-cannot-approve');
  if (approvals.some((earlier) => earlier.personId === vote.caller.personId))
    return refuse('voted-already');
  if (vote.breakGlass && (vote.reason ?? '').trim() === '') return refuse('reason-needed');
  if (approving && !vote.breakGlass && vote.caller.personId === plan.requestedBy)
    return refuse('own-plan');
  return ok('counts');
}

/** An approved plan takes an approval again once too few of those that it has still count. */
function takesVote(
  plan: PlanToApprove,
  { vote, approvals, now }: { vote: Vote; approvals: readonly Approval[]; now: Date },
): boolean {
  if (plan.state !== 'approved') return plan.state === 'proposed';
  return (
    vote.decision === 'rejected' ||
    standingOf(plan, { approvals, startedBy: null, now }).missing > 0
  );
}

/** Where a plan stands with its approvals. */
export interface Standing {
  readonly approved: boolean;
  readonly brokenGlass: boolean;
  /** how many more persons have to agree */
  readonly missing: number;
  /** until when it holds; null while it is not approved */
  readonly validUntil: Date | null;
}

/**
 * Counts the persons whose approval holds now: of this very hash, not expired, of somebody who may still
 * approve, neither the requester's nor the starter's. One broken glass is enough. Pure.
 */
export function standingOf(
  plan: PlanToApprove,
  facts: { approvals: readonly Approval[]; startedBy: string | null; now: Date },
): Standing {
  const valid = facts.approvals.filter(
    (approval) =>
      approval.decision === 'approved' &&
      approval.mayApprove &&
      approval.planHash === plan.hash &&
      approval.expiresAt > facts.now,
  );
  const glass = valid.filter((approval) => approval.breakGlass);
  const others = valid.filter(
    ({ personId, breakGlass }) =>
      !breakGlass && personId !== plan.requestedBy && personId !== facts.startedBy,
  );
  const persons = new Set(others.map(({ personId }) => personId)).size;
  const brokenGlass = glass.length > 0;
  const missing = brokenGlass ? 0 : Math.max(0, plan.approvalsNeeded - persons);
  if (missing > 0) return { approved: false, brokenGlass, missing, validUntil: null };
  const ends = (brokenGlass ? glass : others).map((approval) => approval.expiresAt.getTime());
  // without approvals the plan's own time counts
  const validUntil = ends.length === 0 ? plan.expiresAt : new Date(Math.min(...ends));
  return { approved: validUntil > facts.now, brokenGlass, missing, validUntil };
}

/** Why approvals that were given do not help a start. */
export interface Shortfall {
  /** the plan's own time is over: no vote is taken any more */
  readonly isPlanOver: boolean;
  /** it would do for anybody else: who starts it is one of those who approved */
  readonly isStarters: boolean;
  /** somebody who approved may not approve any more */
  readonly someLeft: boolean;
  /** an approval has run out, although the plan has not */
  readonly someRanOut: boolean;
}

/** What to tell somebody who may not start an approved plan. Pure. */
export function shortfallOf(
  plan: PlanToApprove,
  { approvals, now }: { approvals: readonly Approval[]; now: Date },
): Shortfall {
  const given = approvals.filter(({ decision }) => decision === 'approved');
  return {
    isPlanOver: plan.expiresAt <= now,
    isStarters: standingOf(plan, { approvals, startedBy: null, now }).approved,
    someLeft: given.some(({ mayApprove }) => !mayApprove),
    someRanOut: given.some(({ expiresAt }) => expiresAt <= now),
  };
}
