import type { Random } from '../../../demo/generator/random.js';
import { failureReasons, refusalReasons } from '../../../src/shops/shop-adapter.js';
import type { FailureReason, RefusalReason } from '../../../src/shops/shop-adapter.js';

/** What the shop does to one restore that it is asked for. */
export type RestoreFault =
  | { readonly kind: 'none' }
  /** it is applied, and its answer is lost */
  | { readonly kind: 'answer-lost' }
  /** the connection is cut at the commit, which never arrived */
  | { readonly kind: 'cut' }
  | { readonly kind: 'refuse'; readonly reason: RefusalReason }
  | { readonly kind: 'fail'; readonly reason: FailureReason; readonly retry: boolean }
  /** the process that asked dies: before the commit is announced, after that, or after the commit */
  | { readonly kind: 'die'; readonly at: 'begun' | 'noted' | 'committed' }
  /** the process that asked is stopped while the shop's locks are held, and goes on later (or never) */
  | { readonly kind: 'freeze' }
  /** the shop goes on with the order, or others, before the answer is heard */
  | { readonly kind: 'meanwhile'; readonly act: 'ship' | 'cancel' | 'annotate' };

export const faultKinds = [
  'answer-lost',
  'cut',
  'refuse',
  'fail',
  'die',
  'freeze',
  'meanwhile',
] as const;

/** Reasons that come and go: trying again can help. */
const passing: readonly FailureReason[] = ['locked', 'deadlock', 'timeout', 'unreachable'];

export type FaultWeights = Readonly<Record<'none' | (typeof faultKinds)[number], number>>;

/** Which faults a seed has, and how often: each seed leaves some out, so that others are seen alone. */
export function drawWeights(random: Random): FaultWeights {
  const weights = faultKinds.map((kind) => [kind, random.chance(0.5) ? random.whole(1, 4) : 0]);
  return { ...(Object.fromEntries(weights) as FaultWeights), none: random.whole(4, 16) };
}

export function drawFault(random: Random, weights: FaultWeights): RestoreFault {
  const kind = random.weighted(weights);
  switch (kind) {
    case 'none':
    case 'answer-lost':
    case 'cut':
    case 'freeze':
      return { kind };
    case 'refuse':
      return { kind, reason: random.pick(refusalReasons) };
    case 'fail': {
      const reason = random.pick(failureReasons);
      return { kind, reason, retry: passing.includes(reason) };
    }
    case 'die':
      return { kind, at: random.pick(['begun', 'noted', 'committed']) };
    case 'meanwhile':
      return { kind, act: random.pick(['ship', 'cancel', 'annotate']) };
  }
}
