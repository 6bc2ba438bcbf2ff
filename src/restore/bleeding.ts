import { isSameServer } from '../shops/incarnation.js';
import type { ShopPosition } from '../shops/shop-adapter.js';

/** Silence of so many mean gaps happens by chance about twice in a hundred (e^-4) while it goes on. */
const silentGaps = 4;
/** A job that runs by a schedule cancels in bursts: it must have left out a burst, and some more. */
const silentBursts = 2.5;
/** For a burst to be left out nobody waits longer: a nightly job would ask for days. */
const burstMsMax = 60 * 60_000;

/** What is known about a harm that may still go on. */
export interface BleedingFacts {
  readonly now: Date;
  /** when each cancellation of the finding was seen (the later of committed and written down), in any order */
  readonly seenAt: readonly Date[];
  /** the profile's settle time */
  readonly settleMs: number;
  /** how far our journal is, undefined where the shop was never attached */
  readonly stream: StreamFacts | undefined;
  /** where the shop stands, undefined where it does not answer */
  readonly shop: ShopPosition | undefined;
}

export interface StreamFacts {
  readonly state: string;
  readonly confirmedLsn: string | null;
  readonly incarnation: string | null;
}

export type BleedingCause =
  'still-arriving' | 'stream-not-running' | 'stream-behind' | 'shop-unreachable';

/** Whether the harm has stopped, as far as anyone can know, with the numbers. */
export type Bleeding =
  | { readonly bleeding: false; readonly lastSeenAt: Date | null; readonly requiredMs: number }
  | {
      readonly bleeding: true;
      readonly cause: BleedingCause;
      readonly sentence: string;
      readonly lastSeenAt: Date | null;
      readonly requiredMs: number;
      /** when it may be over if nothing more comes; null where that is not a matter of time */
      readonly mayBeOverAt: Date | null;
    };

/**
 * The harm has stopped when no cancellation of the finding came for the longer of the settle time and
 * a few mean gaps, **and** the journal has passed the shop's present position: without that, a stalled
 * stream looks like quiet. Pure.
 */
export function judgeBleeding(facts: BleedingFacts): Bleeding {
  const seen = facts.seenAt.map((at) => at.getTime()).sort((left, right) => left - right);
  const requiredMs = requiredSilenceMs(seen, facts.settleMs);
  const last = seen.at(-1);
  const lastSeenAt = last === undefined ? null : new Date(last);
  const known = { lastSeenAt, requiredMs };
  const silentMs = last === undefined ? Infinity : facts.now.getTime() - last;
  if (last !== undefined && silentMs <= requiredMs)
    return {
      bleeding: true,
      cause: 'still-arriving',
      sentence: `the last matching cancellation came ${seconds(silentMs)} ago; ${seconds(requiredMs)} of silence are asked for (${seen.length} so far)`,
      mayBeOverAt: new Date(last + requiredMs),
      ...known,
    };
  const blind = blindness(facts);
  if (blind !== undefined) return { bleeding: true, mayBeOverAt: null, ...blind, ...known };
  return { bleeding: false, ...known };
}

function blindness(facts: BleedingFacts): { cause: BleedingCause; sentence: string } | undefined {
  const { stream, shop } = facts;
  if (shop === undefined)
    return {
      cause: 'shop-unreachable',
      sentence:
        'the shop does not say where its log stands, so nobody can tell whether more is on its way',
    };
  if (stream?.state !== 'streaming' || stream.confirmedLsn === null)
    return {
      cause: 'stream-not-running',
      sentence: `the shop's changes do not arrive (${stream?.state ?? 'never attached'}), so silence means nothing`,
    };
  if (!isSameServer({ one: stream.incarnation ?? '', other: shop.incarnation }))
    return {
      cause: 'stream-behind',
      sentence: 'the shop runs on another server or timeline than the journal follows',
    };
  const behind = lsnNumber(shop.lsn) - lsnNumber(stream.confirmedLsn);
  if (behind > 0n)
    return {
      cause: 'stream-behind',
      sentence: `the journal is ${behind.toString()} bytes behind the shop (${stream.confirmedLsn} of ${shop.lsn}), so silence means nothing yet`,
    };
  return undefined;
}

/** The longest of the settle time, a few mean gaps, and a few mean gaps between bursts (of that at most an hour). */
export function requiredSilenceMs(seen: readonly number[], settleMs: number): number {
  const bursts = seen.filter((at, index) => index === 0 || at - (seen[index - 1] ?? at) > settleMs);
  const burstMs = Math.min(burstMsMax, silentBursts * meanGap(bursts));
  return Math.ceil(Math.max(settleMs, silentGaps * meanGap(seen), burstMs));
}

function meanGap(moments: readonly number[]): number {
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined || moments.length < 2) return 0;
  return (last - first) / (moments.length - 1);
}

/** A cancellation that may belong to the harm, and was not judged intended. */
export interface SeenCancellation {
  readonly position: number;
  /** the later of committed (by the shop's clock) and written down (by ours) */
  readonly at: Date;
  /** of its case; null while it has none */
  readonly verdict: 'wrongful' | 'unsure' | null;
  /** nothing more is written about it, so that its verdict holds; meaningless without a case */
  readonly settled: boolean;
}

/** Longer than it takes to judge a cancellation that has settled: whatever is not known to be harmless by then counts. */
const judgingMsMax = 60_000;

/**
 * What cancellations that came in during a run mean for it: `stop` when one of them belongs to the
 * harm (or nobody can say that it does not), `hold` while one is still being judged. Pure.
 */
export function judgeArrivals(
  arrivals: readonly SeenCancellation[],
  { now, settleMs }: { now: Date; settleMs: number },
): 'none' | 'hold' | 'stop' {
  if (arrivals.length === 0) return 'none';
  const matches = arrivals.some(({ at, verdict, settled }) => {
    if (verdict === 'wrongful') return true;
    if (verdict === 'unsure' && settled) return true;
    return now.getTime() - at.getTime() > Math.max(judgingMsMax, settleMs);
  });
  return matches ? 'stop' : 'hold';
}

/** An LSN such as `16/B374D848` as a number of bytes. */
export function lsnNumber(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

function seconds(milliseconds: number): string {
  return `${(Math.max(0, milliseconds) / 1000).toFixed(1)} s`;
}
