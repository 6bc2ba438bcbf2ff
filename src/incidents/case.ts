import type { ActorKind } from '../orders/order-event.js';
import { transitionTable } from './transitions.js';
import type { Reason, Verdict } from './verdict/verdict.js';

export const caseStates = [
  'open',
  'planned',
  'restoring',
  'unknown',
  'restored',
  'person',
  'closed',
] as const;
export type CaseState = (typeof caseStates)[number];

/**
 * What may become of a case. `restored` can follow on states before a run too: a DBA may run the
 * plan's SQL by hand, and it is recognised when it arrives.
 */
export const caseTransitions = transitionTable<CaseState>({
  subject: 'case',
  initial: 'open',
  next: {
    open: ['planned', 'restored', 'person', 'closed'],
    planned: ['open', 'restoring', 'restored', 'person', 'closed'],
    restoring: ['planned', 'unknown', 'restored', 'person', 'open'],
    unknown: ['planned', 'restored', 'person', 'open'],
    restored: ['open', 'person'],
    person: ['open', 'planned', 'restored', 'closed'],
    closed: ['open'],
  },
  words: {
    open: 'open: nothing is decided about this order yet',
    planned: 'part of a restore plan',
    restoring: 'being restored right now',
    unknown: 'waiting to learn whether the shop applied its restore',
    restored: 'restored',
    person: 'left to a person to decide',
    closed: 'closed',
  },
});

/** States in which the verdict may still change as evidence comes in. */
export const judgedStates: readonly CaseState[] = ['open', 'planned', 'person'];

/** One affected order in one incident. */
export interface Case {
  readonly id: string;
  readonly incidentId: string;
  readonly shopId: string;
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly state: CaseState;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
  /** the person who gave the verdict by hand, if one did */
  readonly verdictBy: string | null;
  /** `none` for orders hit before the journal began: a person has to find out what they were */
  readonly evidence: 'journal' | 'none';
  /** journal position of the entry that cancelled it */
  readonly cancelPosition: number | null;
  readonly cancelledAt: Date | null;
  readonly actorKind: ActorKind;
  readonly actor: string | null;
  readonly cancelReason: string | null;
  readonly customerId: string | null;
  readonly totalMinor: number | null;
  /** money that the shop holds of this order */
  readonly heldMinor: number | null;
  readonly currency: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly version: number;
}
