import type { Caller } from '../../access/caller.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { ServerAnswer } from './leftovers.js';
import type { ReadBackVerdict } from './read-back.js';
import { provenByNowMs, type RunItem, type SettledOutcome } from './run.js';

/** What a person says of an order whose outcome nothing else tells. */
export interface Settlement {
  readonly outcome: SettledOutcome;
  readonly reason: string;
}

export const settlementRefusals = [
  'services-cannot-settle',
  'item-not-unknown',
  'echo-awaited',
  'outcome-in-progress',
  'outcome-known',
] as const;
export type SettlementRefusal = (typeof settlementRefusals)[number];

/**
 * Why an outcome is not a person's to say; undefined where it is. The shop's server knows better, where
 * it knows. Pure; the first reason that holds decides.
 */
export function judgeSettlement(facts: {
  readonly caller: Pick<Caller, 'kind'>;
  readonly item: Pick<RunItem, 'state' | 'settledOutcome' | 'updatedAt'>;
  readonly now: Date;
  /** undefined where the server does not answer, or no transaction is noted */
  readonly server: ServerAnswer | undefined;
}): SettlementRefusal | undefined {
  if (facts.caller.kind !== 'person') return 'services-cannot-settle';
  const { state, settledOutcome, updatedAt } = facts.item;
  // its server knows that it committed; whether that is still so, after a change of servers, it may not
  if (state === 'applied' && settledOutcome !== 'applied')
    return facts.now.getTime() - updatedAt.getTime() < provenByNowMs ? 'echo-awaited' : undefined;
  if (state !== 'unknown') return 'item-not-unknown';
  switch (facts.server) {
    case 'in-progress':
      return 'outcome-in-progress';
    case 'committed':
    case 'aborted':
      return 'outcome-known';
    case 'unknown':
    case undefined:
      return undefined;
  }
}

/**
 * Whether a marker proves what a person had denied: it comes from the very transaction that was settled
 * as not applied. Transaction ids in the stream have 32 bits, those that were noted 64. Pure.
 */
export function isContradicted(item: RunItem, { source }: Pick<JournalEntry, 'source'>): boolean {
  if (item.settledOutcome !== 'not-applied') return false;
  const { settledTransactionId: settled } = item;
  return settled === null || low32(settled) === low32(source.transactionId);
}

function low32(transactionId: number): bigint {
  return BigInt.asUintN(32, BigInt(transactionId));
}

/** What was said, and what the shop itself shows, in words. */
export function settlementWords(outcome: SettledOutcome, readBack: ReadBackVerdict): string {
  const said = { applied: 'applied', 'not-applied': 'not applied' }[outcome];
  const shows = {
    'as-planned': 'stands as the plan wants it',
    otherwise: 'does not stand as the plan wants it',
    'not-readable': 'could not be read',
  }[readBack];
  return `settled by a person as ${said}; in the shop the order ${shows}`;
}
