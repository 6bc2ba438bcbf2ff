import type { Caller } from '../../access/caller.js';
import { allows } from '../../access/role.js';
import type { Incident } from '../../incidents/incident.js';
import type { Shortfall, Standing } from '../approvals/approval.js';
import type { Bleeding } from '../bleeding.js';
import { incidentResolved, incidentResolvedWords } from '../incident-resolved.js';
import { planTransitions, type PlanState } from '../plans/plan.js';
import type { ShopGate } from './run.store.js';

/** All that decides whether a plan may be run (or a run go on). */
export interface StartFacts {
  readonly incident: Pick<Incident, 'number' | 'status'>;
  readonly gate: Omit<ShopGate, 'journalHead'>;
  readonly plan: {
    readonly number: number;
    readonly state: PlanState;
    readonly hash: string;
    readonly action: 'restore' | 'undo';
  };
  /** states of the plan from which it may be started: `approved`; to go on, `run` */
  readonly from: PlanState;
  /** the hash of the items as they stand in the database */
  readonly hashNow: string;
  /** the hash that the caller wants to run */
  readonly hashAsked: string;
  readonly standing: Standing;
  readonly shortfall: Shortfall;
  readonly bleeding: Bleeding | undefined;
  readonly override: { readonly reason: string } | null;
  readonly caller: Caller;
  /** how many orders there are to be restored */
  readonly orders: number;
}

export const startRefusals = [
  incidentResolved,
  'shop-not-armed',
  'shop-stopped',
  'override-not-allowed',
  'still-bleeding',
  'plan-not-approved',
  'hash-changed',
  'nothing-to-restore',
] as const;
export interface StartRefusal {
  readonly code: (typeof startRefusals)[number];
  readonly words: string;
}

/** Why a run must not start (or go on); undefined where it may. The first reason that holds decides. Pure. */
export function judgeStart(facts: StartFacts): StartRefusal | undefined {
  const { plan, standing, bleeding, override, caller } = facts;
  const closed = judgePlace(facts);
  if (closed !== undefined) return closed;
  if (override !== null && (caller.kind !== 'person' || !allows(caller.role, ['approver'])))
    return no(
      'override-not-allowed',
      'to restore while it still bleeds takes a person who may approve',
    );
  if (bleeding?.bleeding === true && override === null)
    return no('still-bleeding', `${bleeding.sentence}; find and stop the cause first`);
  if (plan.state !== facts.from)
    return no('plan-not-approved', `plan ${plan.number} is ${planTransitions.words[plan.state]}`);
  if (facts.hashNow !== plan.hash || facts.hashAsked !== plan.hash)
    return no('hash-changed', 'what is to be run is not what was approved');
  if (!standing.approved) return no('plan-not-approved', approvalMissing(facts));
  if (facts.orders === 0)
    return no('nothing-to-restore', 'the plan leaves all its orders to a person');
  return undefined;
}

/** What an approved plan lacks, and what to do about it. */
function approvalMissing({ plan, from, standing, shortfall }: StartFacts): string {
  const name = `plan ${plan.number}`;
  if (from === 'run')
    return `the approval of ${name} does not hold any more (it has run out, or who gave it may not approve now): stop the run and propose a new plan for the orders that are left`;
  if (shortfall.isPlanOver)
    return `the time of ${name} and of its approvals has run out: propose a new plan`;
  if (shortfall.isStarters)
    return `${name} is to be started by another person: who approved it does not start it`;
  const why = [
    ...(shortfall.someLeft ? ['somebody who approved it may not approve any more'] : []),
    ...(shortfall.someRanOut ? ['an approval has run out'] : []),
  ];
  const because = why.length === 0 ? '' : ` (${why.join('; ')})`;
  return `${persons(standing.missing)} to approve ${name}${because}: not who asked for it, nor who starts it. It need not be proposed anew: it takes their approval as it is, with the same hash`;
}

function persons(count: number): string {
  return count === 1 ? 'another person has' : `${count} other persons have`;
}

/** Why nothing is written to this shop, or for this incident, by whatever plan. */
function judgePlace({ incident, gate }: StartFacts): StartRefusal | undefined {
  if (incident.status === 'resolved') return no(incidentResolved, incidentResolvedWords(incident));
  if (!gate.armed) return no('shop-not-armed', 'the shop is only observed; arm it first');
  if (gate.stopped)
    return no(
      'shop-stopped',
      `the shop's kill switch is set (${gate.stopReason ?? 'no reason given'}); release it first`,
    );
  return undefined;
}

function no(code: StartRefusal['code'], words: string): StartRefusal {
  return { code, words };
}
