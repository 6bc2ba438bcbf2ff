import type { CancellationFilter } from '../incident.js';
import type { ActorKind } from '../../orders/order-event.js';
import type { AnnouncementEntity } from './announcement.entity.js';

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
export function wasInForce(announcement: AnnouncementEntity, at: Date): boolean {
  const { startsAt, endsAt, createdAt, withdrawnAt } = announcement;
  const begins = Math.max(startsAt.getTime(), createdAt.getTime());
  const ends = Math.min(endsAt.getTime(), withdrawnAt?.getTime() ?? Number.POSITIVE_INFINITY);
  return at.getTime() >= begins && at.getTime() < ends;
}

/** A cancellation, as an announcement is held against it. */
export type Announceable = FilteredCancellation & { readonly at: Date; readonly position: number };
type Counted = AnnouncementEntity & { readonly lastCoveredPosition: number | null };

/** The announcement that covers a cancellation: in force, fitting, and not used up before its position. */
export function coveringAnnouncement(
  announcements: readonly Counted[],
  cancellation: Announceable,
): AnnouncementEntity | undefined {
  return announcements.find(
    (announcement) =>
      isMeant(announcement, cancellation) && !isBeyond(announcement, cancellation.position),
  );
}

/** One that would cover it, had it not been used up before. */
export function exceededAnnouncement(
  announcements: readonly Counted[],
  cancellation: Announceable,
): AnnouncementEntity | undefined {
  return announcements.find(
    (announcement) =>
      isMeant(announcement, cancellation) && isBeyond(announcement, cancellation.position),
  );
}

function isMeant(announcement: Counted, cancellation: Announceable): boolean {
  return (
    wasInForce(announcement, cancellation.at) && fitsCancellation(announcement.filter, cancellation)
  );
}

function isBeyond({ lastCoveredPosition }: Counted, position: number): boolean {
  return lastCoveredPosition !== null && position > lastCoveredPosition;
}
