import type { Caller } from '../../access/caller.js';
import {
  judgeVote,
  shortfallOf,
  standingOf,
  type Approval,
  type PlanToApprove,
  type Vote,
} from './approval.js';

const now = new Date('2026-01-01T03:00:00Z');
const later = (minutes: number): Date => new Date(now.getTime() + minutes * 60_000);

const plan: PlanToApprove = {
  state: 'proposed',
  hash: 'h1',
  approvalsNeeded: 1,
  requestedBy: 'ann',
  expiresAt: later(60),
};

function caller(personId: string, given: Partial<Caller> = {}): Caller {
  return { personId, name: personId, kind: 'person', role: 'approver', tokenId: 't', ...given };
}

function vote(given: Partial<Vote> = {}): Vote {
  return {
    caller: caller('bob'),
    decision: 'approved',
    hash: 'h1',
    breakGlass: false,
    reason: null,
    ...given,
  };
}

function approval(personId: string, given: Partial<Approval> = {}): Approval {
  return {
    id: personId,
    planId: 'p',
    planHash: 'h1',
    personId,
    person: personId,
    decision: 'approved',
    breakGlass: false,
    reason: null,
    at: now,
    expiresAt: later(60),
    mayApprove: true,
    ...given,
  };
}

function judged(
  given: Partial<Vote> = {},
  approvals: readonly Approval[] = [],
  of: Partial<PlanToApprove> = {},
) {
  const result = judgeVote({ ...plan, ...of }, { vote: vote(given), approvals, now });
  return result.ok ? result.value : result.refusal;
}

describe('a vote', () => {
  it.each([
    ['of a second person counts', {}, 'counts'],
    ['of the requester does not', { caller: caller('ann') }, 'own-plan'],
    [
      'of the requester by another token does not either',
      { caller: caller('ann', { tokenId: 't2' }) },
      'own-plan',
    ],
    [
      'of a service does not',
      { caller: caller('bot', { kind: 'service' as const }) },
      'services-cannot-approve',
    ],
    ['on another hash does not', { hash: 'h2' }, 'hash-changed'],
    [
      'of the requester who breaks the glass counts',
      { caller: caller('ann'), breakGlass: true, reason: 'alone at 3' },
      'counts',
    ],
    [
      'that breaks the glass without a reason does not',
      { breakGlass: true, reason: ' ' },
      'reason-needed',
    ],
    [
      'against, of the requester, counts',
      { caller: caller('ann'), decision: 'rejected' as const },
      'counts',
    ],
    [
      'of a service that breaks the glass does not',
      { caller: caller('bot', { kind: 'service' as const }), breakGlass: true, reason: 'x' },
      'services-cannot-approve',
    ],
  ])('%s', (_name, given, expected) => {
    expect(judged(given)).toBe(expected);
  });

  it('of one person counts once, whatever their tokens', () => {
    expect(judged({ caller: caller('bob', { tokenId: 'other' }) }, [approval('bob')])).toBe(
      'voted-already',
    );
  });

  it('needs a plan that waits for it and has not expired', () => {
    const approved = { state: 'approved' } as const;
    expect(judged({}, [], { state: 'superseded' })).toBe('plan-not-proposed');
    expect(judged({}, [approval('cem')], approved)).toBe('plan-not-proposed');
    expect(judged({}, [], { ...approved, approvalsNeeded: 0 })).toBe('plan-not-proposed');
    expect(judged({ decision: 'rejected' }, [approval('cem')], approved)).toBe('counts');
    expect(judged({}, [], { expiresAt: now })).toBe('plan-expired');
  });

  it('takes the place of an approval that does not count any more', () => {
    const of = { state: 'approved' } as const;
    const gone = approval('cem', { mayApprove: false });
    expect(judged({}, [gone], of)).toBe('counts');
    expect(judged({}, [approval('cem', { expiresAt: now })], of)).toBe('counts');
    expect(judged({ hash: 'h2' }, [gone], of)).toBe('hash-changed');
    expect(judged({ caller: caller('ann') }, [gone], of)).toBe('own-plan');
    expect(judged({ caller: caller('cem') }, [gone], of)).toBe('voted-already');
    expect(judged({}, [gone], { ...of, expiresAt: now })).toBe('plan-expired');
    expect(judged({}, [gone], { state: 'run' })).toBe('plan-not-proposed');
    expect(judged({}, [gone, approval('dan')], of)).toBe('plan-not-proposed');
    expect(judged({}, [gone, approval('dan')], { ...of, approvalsNeeded: 2 })).toBe('counts');
  });
});

describe('the standing of a plan', () => {
  const standing = (
    approvals: readonly Approval[],
    given: Partial<PlanToApprove> = {},
    startedBy: string | null = null,
  ) => standingOf({ ...plan, ...given }, { approvals, startedBy, now });

  it('needs as many persons as the policy asks for', () => {
    expect(standing([], { approvalsNeeded: 0 })).toMatchObject({
      approved: true,
      validUntil: plan.expiresAt,
    });
    expect(standing([])).toMatchObject({ approved: false, missing: 1, validUntil: null });
    expect(standing([approval('bob')])).toMatchObject({ approved: true, validUntil: later(60) });
    expect(standing([approval('bob')], { approvalsNeeded: 2 })).toMatchObject({
      approved: false,
      missing: 1,
    });
  });

  it('needs a plan in time where the policy asks for nobody', () => {
    expect(standing([], { approvalsNeeded: 0, expiresAt: now })).toMatchObject({ approved: false });
  });

  it('does not count who starts the run', () => {
    expect(standing([approval('bob')], {}, 'bob')).toMatchObject({ approved: false });
    expect(standing([approval('bob'), approval('cem')], {}, 'bob')).toMatchObject({
      approved: true,
    });
  });

  it('does not count what expired, was for another plan, or was a rejection', () => {
    expect(standing([approval('bob', { expiresAt: now })])).toMatchObject({ approved: false });
    expect(standing([approval('bob', { planHash: 'h0' })])).toMatchObject({ approved: false });
    expect(standing([approval('bob', { decision: 'rejected' })])).toMatchObject({
      approved: false,
    });
  });

  it('does not count who may not approve any more, nor their broken glass', () => {
    const gone = { mayApprove: false };
    expect(standing([approval('bob', gone)])).toMatchObject({ approved: false, missing: 1 });
    expect(standing([approval('ann', { ...gone, breakGlass: true, reason: 'x' })])).toMatchObject({
      approved: false,
      brokenGlass: false,
    });
  });

  it('takes a broken glass for all that is missing', () => {
    expect(
      standing([approval('ann', { breakGlass: true, reason: 'x' })], { approvalsNeeded: 2 }, 'ann'),
    ).toMatchObject({
      approved: true,
      brokenGlass: true,
    });
  });
});

describe('what a start lacks', () => {
  const shortfall = (approvals: readonly Approval[], given: Partial<PlanToApprove> = {}) =>
    shortfallOf({ ...plan, state: 'approved', ...given }, { approvals, now });

  it('is said apart: who left, what ran out, and whose approval it is', () => {
    const none = { isPlanOver: false, isStarters: false, someLeft: false, someRanOut: false };
    expect(shortfall([])).toEqual(none);
    expect(shortfall([approval('bob', { mayApprove: false })])).toEqual({
      ...none,
      someLeft: true,
    });
    expect(shortfall([approval('bob', { expiresAt: now })])).toEqual({ ...none, someRanOut: true });
    expect(shortfall([approval('bob')])).toEqual({ ...none, isStarters: true });
    expect(shortfall([], { approvalsNeeded: 0, expiresAt: now })).toEqual({
      ...none,
      isPlanOver: true,
    });
  });
});
