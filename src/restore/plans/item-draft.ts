import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import type { Result } from '../../platform/result.js';
import type { ExpectedTable, PlannedChange, ShopAdapter } from '../../shops/shop-adapter.js';
import type { ItemSource, PlanItem, Risk } from './plan.js';
import type { Refusal } from './refusal.js';
import { byAge, counterRefs, simulate, type Claimant } from './simulate.js';

/** What is to be written for an order, and what that relies on. */
export interface DecidedChange {
  readonly changes: readonly PlannedChange[];
  readonly expect: readonly ExpectedTable[];
  readonly risks: readonly Risk[];
}

/** An item before the plan was looked at as a whole. */
export interface ItemDraft {
  readonly id: string;
  readonly caseId: string;
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly expectedStatus: string | null;
  readonly before: OrderSnapshot | null;
  readonly source: ItemSource;
  readonly decided: Result<DecidedChange, Refusal>;
}

/**
 * Plays the drafts as one plan against the shop's counters as they stand and puts them in order: those
 * to be reopened, oldest placed first, then those left to a person.
 */
export async function assembleItems(
  drafts: readonly ItemDraft[],
  adapter: Pick<ShopAdapter, 'readCounters'>,
): Promise<PlanItem[]> {
  const claimants = new Map(
    drafts.flatMap((draft) => claimantOf(draft) ?? []).map((one) => [one.itemId, one]),
  );
  const refs = counterRefs([...claimants.values()]);
  const images = refs.length === 0 ? [] : await adapter.readCounters(refs);
  const counters = refs.map((ref, index) => ({ ...ref, image: images[index] ?? null }));
  const losers = new Map(
    simulate([...claimants.values()], counters).map((loser) => [loser.itemId, loser.detail]),
  );
  const sorted = [...drafts].sort((left, right) => byAge(ageOf(left), ageOf(right)));
  const items = sorted.map((draft) => itemOf(draft, losers.get(draft.id)));
  const inOrder = [
    ...items.filter((item) => item.disposition === 'reopen'),
    ...items.filter((item) => item.disposition === 'person'),
  ];
  return inOrder.map((item, sequence) => ({ ...item, sequence }));
}

function ageOf(draft: ItemDraft): { orderId: string; placedAt: string | null } {
  return { orderId: draft.orderId, placedAt: draft.before?.placedAt ?? null };
}

function claimantOf(draft: ItemDraft): Claimant | undefined {
  if (!draft.decided.ok) return undefined;
  return { itemId: draft.id, ...ageOf(draft), changes: draft.decided.value.changes };
}

function itemOf(draft: ItemDraft, stockGone: string | undefined): PlanItem {
  const { decided, ...rest } = draft;
  const lost: Refusal | undefined =
    stockGone === undefined ? undefined : { reason: 'stock-gone', detail: stockGone };
  const refusal = decided.ok ? lost : decided.refusal;
  const base = { ...rest, sequence: 0 };
  if (refusal !== undefined || !decided.ok)
    return {
      ...base,
      disposition: 'person',
      reason: refusal?.reason ?? 'evidence-missing',
      detail: refusal?.detail ?? null,
      changes: [],
      expect: [],
      risks: [],
    };
  return { ...base, disposition: 'reopen', reason: null, detail: null, ...decided.value };
}
