import type { Caller } from '../../access/caller.js';
import { judgeStart, type StartFacts } from './run-start.js';

const caller: Caller = {
  personId: 'ann',
  name: 'Ann',
  kind: 'person',
  role: 'responder',
  tokenId: 't',
};
const approver: Caller = { ...caller, role: 'approver' };
const bleeding = {
  bleeding: true,
  cause: 'still-arriving',
  sentence: 'the last one came 1 s ago',
  lastSeenAt: null,
  requiredMs: 1,
  mayBeOverAt: null,
} as const;

const facts: StartFacts = {
  incident: { number: 7, status: 'acknowledged' },
  gate: { armed: true, stopped: false, stopReason: null },
  plan: { number: 1, state: 'approved', hash: 'h', action: 'restore' },
  from: 'approved',
  hashNow: 'h',
  hashAsked: 'h',
  standing: { approved: true, brokenGlass: false, missing: 0, validUntil: new Date(1) },
  shortfall: { isPlanOver: false, isStarters: false, someLeft: false, someRanOut: false },
  bleeding: { bleeding: false, lastSeenAt: null, requiredMs: 1 },
  override: null,
  caller,
  orders: 3,
};

describe('the start of a run', () => {
  it.each<[string, Partial<StartFacts>, string | undefined]>([
    ['an approved plan of an armed shop', {}, undefined],
    [
      'a resolved incident, whatever else there is',
      { incident: { number: 7, status: 'resolved' }, bleeding },
      'incident-resolved',
    ],
    ['a shop that is not armed', { gate: { ...facts.gate, armed: false } }, 'shop-not-armed'],
    ['a shop that was stopped', { gate: { ...facts.gate, stopped: true } }, 'shop-stopped'],
    [
      'a harm that goes on, said before the missing approval',
      { bleeding, plan: { ...facts.plan, state: 'proposed' } },
      'still-bleeding',
    ],
    [
      'a harm that goes on, overridden by an approver',
      { bleeding, override: { reason: 'x' }, caller: approver },
      undefined,
    ],
    [
      'a harm that goes on, overridden by a responder',
      { bleeding, override: { reason: 'x' } },
      'override-not-allowed',
    ],
    [
      'an override by a service',
      { bleeding, override: { reason: 'x' }, caller: { ...approver, kind: 'service' } },
      'override-not-allowed',
    ],
    [
      'a plan that is only proposed',
      { plan: { ...facts.plan, state: 'proposed' } },
      'plan-not-approved',
    ],
    [
      'a plan whose approvals ran out',
      { standing: { ...facts.standing, approved: false, missing: 1 } },
      'plan-not-approved',
    ],
    ['another hash asked for', { hashAsked: 'other' }, 'hash-changed'],
    ['items that were tampered with', { hashNow: 'other' }, 'hash-changed'],
    ['no order to restore', { orders: 0 }, 'nothing-to-restore'],
  ])('%s', (_name, given, code) => {
    expect(judgeStart({ ...facts, ...given })?.code).toBe(code);
  });
});

describe('a start without the approvals that it needs', () => {
  const words = (given: Partial<StartFacts>) =>
    judgeStart({ ...facts, standing: { ...facts.standing, approved: false, missing: 1 }, ...given })
      ?.words;

  it('is told to let another person approve the same plan where an approver has left', () => {
    expect(words({ shortfall: { ...facts.shortfall, someLeft: true } })).toBe(
      'another person has to approve plan 1 (somebody who approved it may not approve any more): not who asked for it, nor who starts it. It need not be proposed anew: it takes their approval as it is, with the same hash',
    );
    const standing = { ...facts.standing, approved: false, missing: 2 };
    expect(words({ standing })).toMatch(/^2 other persons have to approve plan 1: not who/);
  });

  it('is told to let another person start it where their own approval is meant', () => {
    const shortfall = { ...facts.shortfall, isStarters: true, someLeft: true };
    expect(words({ shortfall })).toBe(
      'plan 1 is to be started by another person: who approved it does not start it',
    );
  });

  it('is told to propose a new plan once time is over, and of a run to stop it first', () => {
    const over = { ...facts.shortfall, isPlanOver: true, someRanOut: true };
    expect(words({ shortfall: over })).toMatch(/has run out: propose a new plan$/);
    expect(words({ plan: { ...facts.plan, state: 'expired' } })).toBe(
      'plan 1 is expired: propose a new plan',
    );
    expect(words({ plan: { ...facts.plan, state: 'run' }, from: 'run', shortfall: over })).toMatch(
      /stop the run and propose a new plan for the orders that are left$/,
    );
  });
});
