import type { CancellationFilter } from '../incident.js';
import type { ActorKind } from '../../orders/order-event.js';

/** A bulk cancel that somebody announced beforehand: what falls under it was meant. */
export interface Announcement {
  readonly id: string;
  readonly shopId: string;
  readonly filter: CancellationFilter;
  readonly startsAt: Date;
  readonly endsAt: Date;
  /** more cancellations than this are not covered: then something else goes on as well */
  readonly greatestCount: number;
  readonly reason: string;
  readonly announcedBy: string;
  readonly createdAt: Date;
  readonly withdrawnAt: Date | null;
  readonly withdrawnBy: string | null;
}

/** What a filter looks at in a cancellation. */
export interface FilteredCancellation {
  readonly attributes: Readonly<Record<string, string>>;
  readonly actorKind: ActorKind;
  readonly actor: string | null;
  readonly reason: string | null;
}

/** Whether every given part of the filter fits the cancellation; an empty filter fits all. */
export function fitsCancellation(
  filter: CancellationFilter,
  cancellation: FilteredCancellation,
): boolean {
  const attributesFit = Object.entries(filter.attributes ?? {}).every(
    ([name, value]) => cancellation.attributes[name] === value,
  );
  return (
    attributesFit &&
    (filter.actorKind === undefined || filter.actorKind === cancellation.actorKind) &&
    (filter.actor === undefined || filter.actor === cancellation.actor) &&
    (filter.reason === undefined || filter.reason === cancellation.reason)
  );
}

/**
 * Whether the announcement was in force at that moment. One made, or withdrawn, after the fact changes
 * nothing about what went before: otherwise a failure could be declared intended afterwards.
 */
export function wasInForce(announcement: Announcement, at: Date): boolean {
  const { startsAt, endsAt, createdAt, withdrawnAt } = announcement;
  const begins = Math.max(startsAt.getTime(), createdAt.getTime());
  const ends = Math.min(endsAt.getTime(), withdrawnAt?.getTime() ?? Number.POSITIVE_INFINITY);
  return at.getTime() >= begins && at.getTime() < ends;
}

/** The announcement that covers a cancellation: in force, fitting, and not used up before its position. */
export function coveringAnnouncement(
  announcements: readonly (Announcement & { readonly lastCoveredPosition: number | null })[],
  cancellation: FilteredCancellation & { readonly at: Date; readonly position: number },
): Announcement | undefined {
  return announcements.find(
    (announcement) =>
      wasInForce(announcement, cancellation.at) &&
      fitsCancellation(announcement.filter, cancellation) &&
      cancellation.position <= (announcement.lastCoveredPosition ?? Number.POSITIVE_INFINITY),
  );
}
