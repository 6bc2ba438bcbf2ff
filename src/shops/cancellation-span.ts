import { netChanges } from '../orders/fold.js';
import type { ActorKind, JournalEntry } from '../orders/order-event.js';
import type { RowChange } from '../orders/row-change.js';
import { present } from '../platform/assert.js';
import { isClaimed } from './cancellation-claim.js';
import type { Profile } from './profile.js';

/** One cancellation of one order, however many transactions it took. */
export interface CancellationSpan {
  /** the entries that make it up, oldest first; the order is to be restored to the state before the first */
  readonly entries: readonly JournalEntry[];
  /** entries inside it that no rule claims, or that may or may not belong to it: a person must look */
  readonly unclaimed: readonly JournalEntry[];
  /** everything that happened to the order after its last entry, our own restores included */
  readonly later: readonly JournalEntry[];
  /** what the entries together made of each row */
  readonly net: readonly RowChange[];
  readonly actorKind: ActorKind;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly statusBefore: string | null;
  readonly statusAfter: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** Whether `now` is too late for a further entry to belong to it. */
  settled(now: Date): boolean;
}

/**
 * Finds the newest cancellation among the entries of one order (oldest first, as the journal gives
 * them); undefined where it has none. Our own undo also cancels an order, but is not a cancellation.
 *
 * Around the entry that changed the status, those neighbours belong to it that the profile's rules
 * claim, each within `settle` of the ones already found and all within `longest`. Entries after it are
 * looked at first: the shop often writes who did it, and why, last. What took lines or stock away before
 * that, and may be the same act gone slower, is `unclaimed`: restored without it the order would be half.
 */
export function composeSpan(
  profile: Profile,
  entries: readonly JournalEntry[],
): CancellationSpan | undefined {
  return spanAround(profile, entries, 'cancelled');
}

/**
 * The newest act that took lines away from an order without cancelling it as a whole, with all that the same
 * rules find to belong to it; undefined where there is none.
 */
export function composePartialSpan(
  profile: Profile,
  entries: readonly JournalEntry[],
): CancellationSpan | undefined {
  return spanAround(profile, entries, 'line-cancelled');
}

function spanAround(
  profile: Profile,
  entries: readonly JournalEntry[],
  kind: 'cancelled' | 'line-cancelled',
): CancellationSpan | undefined {
  const core = entries.findLastIndex(
    (entry) => entry.kinds.includes(kind) && entry.marker === null,
  );
  if (core === -1) return undefined;
  const search = new SpanSearch(profile, entries, core);
  search.forwards();
  search.backwards();
  return search.result();
}

type Who = Pick<JournalEntry, 'actorKind' | 'actor' | 'reason'>;

/** How an entry relates to the span by who did it and why. */
type Kinship = 'same' | 'other' | 'doubtful';

class SpanSearch {
  private readonly claimed: Set<number>;
  private readonly doubtful = new Set<number>();
  private first: number;
  private last: number;
  private who: Who;

  constructor(
    private readonly profile: Profile,
    private readonly entries: readonly JournalEntry[],
    private readonly core: number,
  ) {
    this.first = core;
    this.last = core;
    this.claimed = new Set([core]);
    this.who = this.at(core);
  }

  forwards(): void {
    for (let index = this.core + 1; index < this.entries.length; index += 1) {
      const entry = this.at(index);
      if (isBoundary(entry) || !this.isNear(entry)) return;
      if (!isClaimed(this.profile, entry) || kinship(this.who, entry) !== 'same') continue;
      this.claimed.add(index);
      this.last = index;
      this.who = merged(this.who, entry);
    }
  }

  backwards(): void {
    for (let index = this.core - 1; index >= 0; index -= 1) {
      const entry = this.at(index);
      if (isBoundary(entry)) return;
      if (!this.isNear(entry)) {
        this.further(index);
        return;
      }
      if (!isClaimed(this.profile, entry)) continue;
      const kin = knowsLess(this.who, entry) ? 'doubtful' : kinship(this.who, entry);
      if (kin === 'doubtful') this.doubtful.add(index);
      if (kin !== 'same') continue;
      this.claimed.add(index);
      this.first = index;
    }
  }

  /** From here on back nothing belongs to the span by its times. */
  private further(from: number): void {
    for (let index = from; index >= 0; index -= 1) {
      const entry = this.at(index);
      if (isBoundary(entry)) return;
      if (isClaimed(this.profile, entry) && takesAway(entry) && this.mayBeSlower(entry))
        this.doubtful.add(index);
    }
  }

  /**
   * Whether it may be the same act, only slower than the profile says. The same program with the same reason
   * is so however long ago; what names nobody, or is done by a person again, only within `longest`.
   */
  private mayBeSlower(entry: JournalEntry): boolean {
    if (isSameProgram(this.who, entry)) return true;
    const { longest } = this.profile.cancellation;
    const isLate = moment(this.at(this.core)) - moment(entry) > longest;
    return !isLate && !knowsLess(this.who, entry) && kinship(this.who, entry) === 'same';
  }

  result(): CancellationSpan {
    const inSpan = this.entries.filter((_, index) => this.claimed.has(index));
    const core = this.at(this.core);
    const endedAt = new Date(this.at(this.last).committedAt);
    return {
      entries: inSpan,
      unclaimed: this.entries.filter((_, index) => this.isUnclaimed(index)),
      later: this.entries.slice(this.last + 1),
      net: netChanges(inSpan.flatMap((entry) => entry.rowChanges)),
      actorKind: this.who.actorKind,
      actor: this.who.actor,
      reason: this.who.reason,
      statusBefore: core.statusBefore,
      statusAfter:
        inSpan.findLast((entry) => entry.statusAfter !== null)?.statusAfter ?? core.statusAfter,
      startedAt: new Date(this.at(this.first).committedAt),
      endedAt,
      settled: (now) => now.getTime() - endedAt.getTime() > this.profile.cancellation.settle,
    };
  }

  private isUnclaimed(index: number): boolean {
    if (this.doubtful.has(index)) return true;
    if (index === this.core) return !isClaimed(this.profile, this.at(index));
    return index > this.first && index < this.last && !this.claimed.has(index);
  }

  private isNear(entry: JournalEntry): boolean {
    const { settle, longest } = this.profile.cancellation;
    const at = moment(entry);
    const [start, end] = [moment(this.at(this.first)), moment(this.at(this.last))];
    const gap = Math.max(start - at, at - end);
    const length = Math.max(end, at) - Math.min(start, at);
    return gap <= settle && length <= longest;
  }

  private at(index: number): JournalEntry {
    return present(this.entries[index], 'the search stays within the entries');
  }
}

/** Whether the entry takes lines, or something by rows of its own (stock), away from the order. */
function takesAway(entry: JournalEntry): boolean {
  return (
    entry.kinds.includes('line-cancelled') ||
    entry.rowChanges.some(({ operation }) => operation !== 'update')
  );
}

/** A job that names itself, or a key (of which many may make use) that gives the same reason both times. */
function isSameProgram(span: Who, entry: Who): boolean {
  const { actorKind, reason } = span;
  const isProgram = actorKind === 'job' || (actorKind === 'api' && reason !== null);
  return (
    isProgram &&
    span.actorKind === entry.actorKind &&
    span.actor !== null &&
    span.actor === entry.actor &&
    span.reason === entry.reason
  );
}

/** Nothing beyond such an entry belongs to the same cancellation. */
function isBoundary(entry: JournalEntry): boolean {
  return (
    entry.marker !== null ||
    entry.kinds.some((kind) => kind === 'placed' || kind === 'restored' || kind === 'cancelled')
  );
}

/**
 * Another known actor means another act. So does another reason, unless both name the same actor:
 * then nobody can tell.
 */
function kinship(span: Who, entry: Who): Kinship {
  if (differ(known(span.actorKind), known(entry.actorKind)) || differ(span.actor, entry.actor))
    return 'other';
  if (!differ(span.reason, entry.reason)) return 'same';
  return span.actor !== null && entry.actor !== null ? 'doubtful' : 'other';
}

/**
 * An entry before the cancellation that names who did it or why, while the cancellation itself names
 * neither: it may be a wished partial cancel just before the failure, or the failure's first step.
 */
function knowsLess(span: Who, entry: Who): boolean {
  const spanKnows = span.actor !== null || span.reason !== null || known(span.actorKind) !== null;
  const entryKnows =
    entry.actor !== null || entry.reason !== null || known(entry.actorKind) !== null;
  return !spanKnows && entryKnows;
}

function merged(span: Who, entry: Who): Who {
  return {
    actorKind: known(span.actorKind) ?? entry.actorKind,
    actor: span.actor ?? entry.actor,
    reason: span.reason ?? entry.reason,
  };
}

function known(kind: ActorKind): ActorKind | null {
  return kind === 'unknown' ? null : kind;
}

function differ(left: string | null, right: string | null): boolean {
  return left !== null && right !== null && left !== right;
}

/** Milliseconds are fine enough here: the order of entries is the journal's, not the clock's. */
function moment(entry: JournalEntry): number {
  return new Date(entry.committedAt).getTime();
}
