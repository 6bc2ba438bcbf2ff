import type { CaseState } from '../../incidents/case.js';
import type { Verdict } from '../../incidents/verdict/verdict.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { heldMinor, type OrderSnapshot } from '../../orders/order-snapshot.js';
import { isErased, type RowChange } from '../../orders/row-change.js';
import { formatMoney } from '../../platform/money.js';
import { ok, refuse, type Result } from '../../platform/result.js';
import type { CancellationSpan } from '../../shops/cancellation-span.js';
import type { Profile } from '../../shops/profile.js';
import type { Capability } from '../../shops/shop-adapter.js';
import type { Risk } from './plan.js';
import type { Refusal } from './refusal.js';

/** Whether changes were lost at the source while the order was cancelled, or after that. */
export interface GapsAround {
  readonly within: boolean;
  readonly after: boolean;
}

/** All that decides whether an order may be reopened, but for the exact change itself. */
export interface OrderFacts {
  readonly now: Date;
  readonly profile: Profile;
  readonly case: {
    readonly state: CaseState;
    readonly verdict: Verdict;
    readonly evidence: 'journal' | 'none';
  };
  /** the person named this order and no other */
  readonly namedSingly: boolean;
  readonly span: CancellationSpan | undefined;
  /** the order was never cancelled as a whole, only lines of it: by these entries */
  readonly partial: readonly JournalEntry[];
  /** the order before its cancellation, where the journal has it */
  readonly before: OrderSnapshot | null;
  readonly gaps: GapsAround;
  /** what the shop says about the order now; undefined where it does not answer */
  readonly capability: Capability | undefined;
}

/**
 * Whether the order may be reopened: the risks to be told, or the reason (from the closed list) why it
 * is left to a person. Pure; the first reason that holds decides.
 */
export function judgeOrder(facts: OrderFacts): Result<Risk[], Refusal> {
  const refusal =
    byPart(facts) ??
    byCase(facts) ??
    byEvidence(facts) ??
    byLaterEntries(facts) ??
    byMoneyAndGoods(facts);
  return refusal === undefined ? ok(risksOf(facts)) : refuse(refusal);
}

function byPart({ span, partial }: OrderFacts): Refusal | undefined {
  if (span !== undefined || partial.length === 0) return undefined;
  return because(
    'not-cancelled-any-more',
    `the order is open: only lines of it were cancelled (journal ${positions(partial)}), and a person decides which of them come back`,
  );
}

function byCase({ case: of, namedSingly }: OrderFacts): Refusal | undefined {
  if (of.state === 'unknown' || of.state === 'restoring')
    return because('outcome-unknown', 'another restore of this order has not come to an end');
  if (of.verdict === 'intended') return because('intended', 'the order was cancelled on purpose');
  if (of.verdict === 'unsure' && !namedSingly)
    return because(
      'unsure',
      'nobody can tell yet whether the order was cancelled on purpose; name it alone to restore it',
    );
  return undefined;
}

function byEvidence(facts: OrderFacts): Refusal | undefined {
  const { span, profile } = facts;
  if (facts.case.evidence === 'none' || span === undefined)
    return because('evidence-missing', 'the journal does not hold the cancellation of this order');
  if (span.net.some(touchesErased))
    return because(
      'evidence-missing',
      'personal values of this order were erased, so nobody can tell whether the cancellation changed them',
    );
  if (span.unclaimed.length > 0) return because('changed-since', unclaimedWords(span));
  if (!span.settled(facts.now))
    return because(
      'still-bleeding',
      'the cancellation may not be complete yet; propose again in a moment',
    );
  if (facts.gaps.within)
    return because(
      'evidence-missing',
      'changes were lost at the source while the order was cancelled',
    );
  if (span.statusBefore !== null && profile.order.status.shipped.includes(span.statusBefore))
    return because('shipped', `the order was ${span.statusBefore} before it was cancelled`);
  if (span.statusBefore === null || !profile.order.status.open.includes(span.statusBefore))
    return because(
      'evidence-missing',
      `the order was ${span.statusBefore ?? 'in no known status'} before, which the profile does not call open`,
    );
  return undefined;
}

/** What took lines away before, too late to be of the same act for sure, is no change of somebody else's. */
function unclaimedWords({ entries, unclaimed }: CancellationSpan): string {
  const first = entries[0]?.position ?? 0;
  const all = positions(unclaimed);
  return unclaimed.every(({ position }) => position < first)
    ? `lines or stock were taken away before (journal ${all}), which may be the same cancellation or a wished one`
    : `something else changed the order while it was cancelled (journal ${all})`;
}

function touchesErased({ before, after }: RowChange): boolean {
  return [before, after].some((image) => Object.values(image ?? {}).some(isErased));
}

function byLaterEntries({ span, profile }: OrderFacts): Refusal | undefined {
  const later = withoutUndoneRestores(span?.later ?? []);
  if (later.length === 0) return undefined;
  const has = (kind: JournalEntry['kinds'][number]) =>
    later.some((entry) => entry.kinds.includes(kind));
  const where = `journal ${positions(later)}`;
  if (has('shipped')) return because('shipped', `the order was shipped since (${where})`);
  if (has('refunded')) return because('money-returned', `money was given back since (${where})`);
  const status = later.findLast((entry) => entry.statusAfter !== null)?.statusAfter;
  if (status !== undefined && status !== null && !profile.order.status.cancelled.includes(status))
    return because('not-cancelled-any-more', `the order is ${status} now (${where})`);
  return because('changed-since', `the order was changed after it was cancelled (${where})`);
}

/** A restore of ours and the undo of it leave the order as the cancellation had left it. */
export function withoutUndoneRestores(later: readonly JournalEntry[]): JournalEntry[] {
  const rest = [...later];
  while (rest[0]?.marker?.action === 'restore' && rest[1]?.marker?.action === 'undo')
    rest.splice(0, 2);
  return rest;
}

function byMoneyAndGoods({ span, capability }: OrderFacts): Refusal | undefined {
  if (span?.entries.some((entry) => entry.kinds.includes('refunded')) ?? false)
    return because('money-returned', 'the cancellation itself gave the money back');
  if (capability === undefined)
    return because(
      'evidence-missing',
      'the shop does not answer, so nobody knows how the order stands now',
    );
  if (capability.way === 'person') return because(capability.reason, capability.detail);
  return undefined;
}

function risksOf({ case: of, before, gaps }: OrderFacts): Risk[] {
  const risks: Risk[] = [];
  if (of.verdict === 'unsure')
    risks.push({
      code: 'unsure',
      words: 'nobody can tell whether the order was cancelled on purpose',
    });
  if (gaps.after)
    risks.push({
      code: 'gap',
      words:
        'changes were lost at the source after the cancellation; the shop is asked again before anything is written',
    });
  if (before === null)
    risks.push({
      code: 'no-snapshot',
      words: 'the order as a whole cannot be shown, only its changes',
    });
  else if (heldMinor(before) < before.totalMinor)
    risks.push({ code: 'money-not-held', words: moneyWords(before) });
  return risks;
}

function moneyWords(before: OrderSnapshot): string {
  const { currency } = before;
  const held = formatMoney({ amountMinor: heldMinor(before), currency });
  return `the shop held ${held} of ${formatMoney({ amountMinor: before.totalMinor, currency })}`;
}

function because(reason: Refusal['reason'], detail: string): Refusal {
  return { reason, detail };
}

function positions(entries: readonly JournalEntry[]): string {
  return entries.map((entry) => entry.position).join(', ');
}
