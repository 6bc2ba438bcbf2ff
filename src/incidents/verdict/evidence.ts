import { heldMinor, type OrderSnapshot } from '../../orders/order-snapshot.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { RowImage } from '../../orders/row-change.js';
import {
  composePartialSpan,
  composeSpan,
  type CancellationSpan,
} from '../../shops/cancellation-span.js';
import { orderBefore } from '../../shops/order-before.js';
import { presentRows } from '../../shops/present-rows.js';
import type { Profile } from '../../shops/profile.js';
import { fitsFilter, type RowFilter } from '../../shops/row-filter.js';
import { buildSnapshot } from '../../shops/snapshot.js';
import type { VerdictFacts } from './facts.js';

/** What there is to know about one order: its journal, and its rows as they stand now. */
export interface OrderEvidence {
  readonly profile: Profile;
  /** oldest first */
  readonly entries: readonly JournalEntry[];
  /** the last known image of each of its rows, by table */
  readonly rows: ReadonlyMap<string, readonly RowImage[]>;
}

/** The newest cancellation of one order, as a case and a verdict need it. */
export interface CancellationEvidence {
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly position: number;
  readonly cancelledAt: Date;
  readonly startedAt: Date;
  /** of the shop's own trace, where it left one */
  readonly traceparent: string | null;
  readonly customerId: string | null;
  readonly totalMinor: number | null;
  readonly attributes: Readonly<Record<string, string>>;
  /** complete but for what stands elsewhere: announcements and changes */
  readonly facts: Omit<VerdictFacts, 'announced' | 'beyondAnnounced' | 'changeBefore'>;
}

/** Who did it and why, as far as an entry tells. */
type Who = Pick<JournalEntry, 'actorKind' | 'actor' | 'reason'>;

/** One act of cancelling, whole or in part. */
interface Act {
  /** the entry that changed the status, or took lines away */
  readonly core: JournalEntry;
  readonly partial: boolean;
  /** the order before all of it, where the journal knows that */
  readonly before: OrderSnapshot | null;
  readonly who: Who;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** when the last of its entries was written down, by our clock */
  readonly heardAt: Date;
  readonly firstPosition: number;
  /** everything from its beginning on that the shop itself did, oldest first */
  readonly since: readonly JournalEntry[];
}

/** Reads the newest cancellation out of an order's evidence; undefined where the journal has none. */
export function cancellationOf(evidence: OrderEvidence): CancellationEvidence | undefined {
  const act = wholeAct(evidence) ?? partialAct(evidence);
  if (act === undefined) return undefined;
  const { core, before } = act;
  return {
    orderId: core.orderId,
    orderNumber: core.orderNumber,
    position: core.position,
    cancelledAt: new Date(core.committedAt),
    startedAt: act.startedAt,
    traceparent: core.traceparent,
    customerId: core.customerId,
    totalMinor: before?.totalMinor ?? core.total?.amountMinor ?? null,
    attributes: core.attributes,
    facts: factsOf(evidence, act),
  };
}

function wholeAct(evidence: OrderEvidence): Act | undefined {
  const { profile, entries } = evidence;
  const span = composeSpan(profile, entries);
  const core = span?.entries.find((entry) => entry.kinds.includes('cancelled'));
  if (span === undefined || core === undefined) return undefined;
  const act = actOf(evidence, { span, core, partial: false });
  if (act.who.actorKind !== 'unknown') return act;
  return { ...act, who: lateWitness(profile, act.since) ?? span };
}

/** The newest act that took lines away, of an order that was never cancelled as a whole. */
function partialAct(evidence: OrderEvidence): Act | undefined {
  const span = composePartialSpan(evidence.profile, evidence.entries);
  const core = span?.entries.findLast((entry) => entry.kinds.includes('line-cancelled'));
  if (span === undefined || core === undefined) return undefined;
  return actOf(evidence, { span, core, partial: true });
}

function actOf(
  { profile, entries, rows }: OrderEvidence,
  { span, core, partial }: { span: CancellationSpan; core: JournalEntry; partial: boolean },
): Act {
  const first = span.entries[0] ?? core;
  const present = [...rows].flatMap(([table, images]) => images.map((image) => ({ table, image })));
  const since = [...span.entries, ...span.unclaimed, ...span.later]
    .filter((entry) => entry.marker === null)
    .sort((left, right) => left.position - right.position);
  return {
    core,
    partial,
    before: orderBefore(profile, { entries, rows: present }, first),
    who: span,
    startedAt: span.startedAt,
    endedAt: span.endedAt,
    heardAt: (span.entries.at(-1) ?? core).recordedAt,
    firstPosition: first.position,
    since,
  };
}

/** A row of the shop's history that says who did it, although it came too late to belong to the span. */
function lateWitness(profile: Profile, since: readonly JournalEntry[]): Who | undefined {
  return since.find((entry) => entry.actorKind !== 'unknown' && tellsInHistory(profile, entry));
}

function factsOf(evidence: OrderEvidence, act: Act): CancellationEvidence['facts'] {
  const { profile } = evidence;
  const { core, who, since } = act;
  const held = heldOf(evidence, act.before);
  // the shop's clock may be behind ours
  const knownAt = Math.max(act.endedAt.getTime(), act.heardAt.getTime());
  const settlesAt = new Date(knownAt + profile.cancellation.settle + 1);
  return {
    partial: act.partial,
    actorKind: who.actorKind,
    actor: who.actor,
    reason: who.reason,
    inHistory: profile.history === undefined ? null : isInHistory(evidence, since),
    heldMinor: held.nowMinor,
    currency: act.before?.currency ?? core.total?.currency ?? null,
    refunded: since.some((entry) => entry.kinds.includes('refunded')) || held.wentBack,
    paidAfter: since.some(
      (entry) => entry.position > core.position && entry.kinds.includes('paid'),
    ),
    shippedBefore: wasShipped(evidence, act),
    fraudFlag: hasRow(evidence, profile.fraud),
    settlesAt: settlesAt.toISOString(),
  };
}

/**
 * Whether the shop's history tells of it. A row that the journal did not see come (from before the
 * attach, or lost in a gap) may do so: nobody can tell which cancellation it is about.
 */
function isInHistory({ profile, entries, rows }: OrderEvidence, since: Act['since']): boolean {
  const { history } = profile;
  if (history === undefined) return false;
  if (since.some((entry) => tellsInHistory(profile, entry))) return true;
  const key = profile.tables[history.table]?.key ?? [];
  const came = new Set(
    entries.flatMap((entry) =>
      entry.rowChanges
        .filter(({ table, operation }) => table === history.table && operation === 'insert')
        .map((change) => JSON.stringify(change.key)),
    ),
  );
  return (rows.get(history.table) ?? []).some(
    (row) =>
      fitsFilter(row, history.where) && !came.has(JSON.stringify(key.map((name) => row[name]))),
  );
}

/** Whether the entry adds a row to the shop's history that tells of a cancellation. */
function tellsInHistory(profile: Profile, entry: JournalEntry): boolean {
  const { history } = profile;
  if (history === undefined) return false;
  return entry.rowChanges.some(
    (change) =>
      change.table === history.table &&
      change.operation === 'insert' &&
      change.after !== null &&
      fitsFilter(change.after, history.where),
  );
}

/** Money held now by the order's rows; what it was before the cancellation, where those are unknown. */
function heldOf(
  { profile, rows }: OrderEvidence,
  before: OrderSnapshot | null,
): { nowMinor: number | null; wentBack: boolean } {
  const beforeMinor = before === null ? null : heldMinor(before);
  if (rows.get(profile.order.table)?.[0] === undefined)
    return { nowMinor: beforeMinor, wentBack: false };
  const nowMinor = heldMinor(buildSnapshot(profile, rows));
  return { nowMinor, wentBack: beforeMinor !== null && nowMinor < beforeMinor };
}

function wasShipped(evidence: OrderEvidence, act: Act): boolean {
  const { profile, entries } = evidence;
  const { statusBefore } = act.core;
  if (statusBefore !== null && profile.order.status.shipped.includes(statusBefore)) return true;
  if (hasRow(evidence, profile.shipment)) return true;
  return entries.some(
    (entry) => entry.position < act.firstPosition && entry.kinds.includes('shipped'),
  );
}

function hasRow(
  { profile, rows }: OrderEvidence,
  rule: { table: string; where: RowFilter } | undefined,
): boolean {
  if (rule === undefined) return false;
  return presentRows(profile, rule.table, rows).some((row) => fitsFilter(row, rule.where));
}
