import { z } from 'zod';
import type { VerdictFacts } from './facts.js';
import { signs, signNames, type Seen } from './signs.js';

/** Was the order cancelled by a failure, by somebody who meant it, or can nobody tell? */
export const verdicts = ['wrongful', 'intended', 'unsure'] as const;
export type Verdict = (typeof verdicts)[number];

export const reasonSchema = z.strictObject({
  sign: z.enum(signNames),
  /** what the sign speaks for; `neither` explains why nothing can be said (yet) */
  for: z.enum(['wrongful', 'intended', 'neither']),
  weight: z.int().min(0),
  words: z.string(),
});
/** One sign that was seen in this cancellation, in words. */
export type Reason = z.infer<typeof reasonSchema>;

/**
 * Signs that somebody may have wished it: with one of them a cancellation is never called wrongful,
 * whatever speaks for that. Nor is one that a customer is said to have made.
 */
const wishedBy: readonly Reason['sign'][] = [
  'policy-reason',
  'wish-reason',
  'customer-reason',
  'partial',
];
/**
 * An API key may be a storefront's, through which its customers cancel: besides the money, one of these
 * has to say that it was a failure.
 */
const beyondKey: readonly Reason['sign'][] = [
  'contradicts-payment',
  'near-in-time',
  'alike',
  'on-the-hour',
  'paid-after',
  'shipped-before',
];

export interface Judgement {
  readonly verdict: Verdict;
  /** heaviest first */
  readonly reasons: readonly Reason[];
}

/**
 * From here on the signs are taken for a failure. It is what money held weighs together with an automatic
 * actor, or with an unknown one of whom the shop's history has no word: who cancels through the shop
 * leaves one. Where the shop keeps no history, an unknown actor needs further signs.
 */
const wrongfulFrom = 6;

/**
 * Judges one cancellation. It errs towards `unsure`, since a wrong `wrongful` would bring back what
 * somebody cancelled on purpose: `wrongful` needs money that the shop holds, `intended` a person who
 * said why (or an announcement, or a fraud flag), and no verdict is given on evidence that is missing.
 */
export function judge(seen: Seen): Judgement {
  const reasons = signs
    .filter((sign) => sign.holds(seen))
    .map((sign): Reason => ({
      sign: sign.sign,
      for: sign.for,
      weight: sign.weight,
      words: sign.words(seen),
    }))
    .sort((left, right) => right.weight - left.weight);
  return {
    verdict: verdictOf(seen.facts, reasons),
    reasons: reasons.length === 0 ? [noSign] : reasons,
  };
}

/** The reason of an order that was hit before the journal began. */
export const evidenceMissing: Reason = {
  sign: 'evidence-missing',
  for: 'neither',
  weight: 0,
  words: 'the journal does not hold the cancellation: nobody knows what the order was',
};

/** A verdict is never without a reason. */
const noSign: Reason = {
  sign: 'no-sign',
  for: 'neither',
  weight: 0,
  words: 'nothing is known that speaks for or against it',
};

function verdictOf(facts: VerdictFacts, reasons: readonly Reason[]): Verdict {
  const has = (sign: Reason['sign']) => reasons.some((reason) => reason.sign === sign);
  if (has('announced') || has('fraud-flag')) return 'intended';
  if (has('not-settled')) return 'unsure';
  const balance = weightFor(reasons, 'wrongful') - weightFor(reasons, 'intended');
  if (balance >= wrongfulFrom && mayBeWrongful(facts, has)) return 'wrongful';
  const meant = has('by-customer') || has('by-staff') || has('partial');
  return meant && balance < 0 ? 'intended' : 'unsure';
}

/** Whether a failure is possible at all, however much speaks for it: see the signs above. */
function mayBeWrongful(
  { actorKind }: VerdictFacts,
  has: (sign: Reason['sign']) => boolean,
): boolean {
  if (!has('money-held') || wishedBy.some(has)) return false;
  if (actorKind === 'customer') return false;
  // a person did it: only what they said can prove them wrong, and a payment that came later does not
  if (actorKind === 'staff') return has('contradicts-payment') && !has('paid-after');
  return actorKind !== 'api' || beyondKey.some(has);
}

function weightFor(reasons: readonly Reason[], side: Reason['for']): number {
  return reasons
    .filter((reason) => reason.for === side)
    .reduce((sum, reason) => sum + reason.weight, 0);
}
