import type { ActorKind } from '../../orders/order-event.js';
import type { GatheredCancellation } from '../verdict/judging.service.js';

/** What wrongful cases of an incident have in common: who did it, and the reason that was written. */
export interface Harm {
  readonly actorKind: ActorKind;
  readonly actor: string | null;
  readonly reason: string | null;
  /** when the first and the last of those cases were cancelled */
  readonly from: Date;
  readonly until: Date;
}

/** A job does the same thing over and over: as long as the longest window that detection looks at. */
const jobReachMs = 24 * 3_600_000;
/** People, keys that many people act through, and raw SQL do many things: only what stands close by. */
const nearReachMs = 10 * 60_000;

/**
 * How long before and after the harm another cancellation of the same actor and reason belongs to it.
 * Zero where actor and reason say too little: a key without a reason may be any customer's wish.
 */
export function reachMs({ actorKind, reason }: Pick<Harm, 'actorKind' | 'reason'>): number {
  if (actorKind === 'job') return jobReachMs;
  if (actorKind === 'unknown') return nearReachMs;
  return actorKind === 'customer' || reason === null ? 0 : nearReachMs;
}

/** The earliest moment from which on one of these harms may have hit orders. */
export function earliest(harms: readonly Harm[]): Date {
  return new Date(Math.min(...harms.map((harm) => harm.from.getTime() - reachMs(harm))));
}

/**
 * Whether a cancellation is to be looked at as a part of the harm: the same actor and reason, near
 * enough in time, with money that the shop still holds, and nothing known that makes it intended. An
 * unknown actor counts as the same only where the shop's history, which has a word of every proper
 * cancellation, has none of it. An order that the same program has only taken lines of is affected too.
 * The case that it becomes gets a verdict of its own.
 */
export function isAlike(
  { cancellation, facts }: GatheredCancellation,
  harms: readonly Harm[],
): boolean {
  if (facts.announced !== null || facts.fraudFlag) return false;
  if (facts.partial && !isProgram(facts.actorKind)) return false;
  if (facts.heldMinor !== null && facts.heldMinor <= 0) return false;
  if (facts.actorKind === 'unknown' && facts.inHistory !== false) return false;
  const at = cancellation.cancelledAt.getTime();
  return harms.some(
    (harm) =>
      harm.actorKind === facts.actorKind &&
      harm.actor === facts.actor &&
      harm.reason === facts.reason &&
      at >= harm.from.getTime() - reachMs(harm) &&
      at <= harm.until.getTime() + reachMs(harm),
  );
}

/**
 * Whether the shop may still write who did it, so that nobody can say yet whether it is like a harm of
 * which nobody is known. (Of what has an actor, or gets one, its own entries tell.)
 */
export function mayStillBeNamed(
  { facts }: GatheredCancellation,
  harms: readonly Harm[],
  now: Date,
): boolean {
  const isOpen = facts.settlesAt !== null && new Date(facts.settlesAt) > now;
  const isSought = harms.some(({ actorKind }) => actorKind === 'unknown');
  return isOpen && isSought && facts.actorKind === 'unknown' && facts.inHistory === false;
}

/**
 * Whether more of the order may be cancelled in a moment, so that it cannot be said yet whether only a part
 * of it was.
 */
export function mayStillGoOn({ facts }: GatheredCancellation, now: Date): boolean {
  return facts.partial && facts.settlesAt !== null && new Date(facts.settlesAt) > now;
}

/** People take lines out of orders every day, and raw SQL names nobody. */
function isProgram(actorKind: ActorKind): boolean {
  return actorKind === 'job' || actorKind === 'api';
}

/** Names a harm, whenever it was. */
export function harmKey({ actorKind, actor, reason }: Harm): string {
  return JSON.stringify([actorKind, actor, reason]);
}
