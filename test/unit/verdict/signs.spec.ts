import {
  noCompany,
  type Company,
  type VerdictFacts,
} from '../../../src/incidents/verdict/facts.js';
import { signs, type Sign } from '../../../src/incidents/verdict/signs.js';
import { judged, paid } from '../../support/verdict-facts.js';

/** Facts under which each sign holds and does not hold: a sign that cannot be seen, or always is, is none. */
const shows: Record<
  Sign['sign'],
  { facts?: Partial<VerdictFacts>; company?: Partial<Company>; settled?: boolean }
> = {
  announced: { facts: { announced: 'closing down' } },
  'beyond-announced': {
    facts: { beyondAnnounced: { reason: 'closing down', greatestCount: 6 } },
  },
  'fraud-flag': { facts: { fraudFlag: true } },
  'evidence-missing': {},
  'no-sign': {},
  'not-settled': { settled: false },
  'money-held': { facts: { heldMinor: 1 } },
  'automatic-actor': { facts: { actorKind: 'api' } },
  'contradicts-payment': { facts: { reason: 'Order unpaid', heldMinor: 1 } },
  'no-history': { facts: { inHistory: false } },
  'near-in-time': { company: { near: true } },
  'paid-after': { facts: { paidAfter: true } },
  'shipped-before': { facts: { shippedBefore: true } },
  alike: { company: { alike: true } },
  'on-the-hour': { company: { onTheHour: true } },
  'after-change': { facts: { changeBefore: { what: 'shop 4.2', minutes: 12.4 } } },
  'by-customer': { facts: { actorKind: 'customer' } },
  'by-staff': { facts: { actorKind: 'staff' } },
  refunded: { facts: { refunded: true } },
  partial: { facts: { partial: true } },
  'wish-reason': { facts: { reason: 'at the customer’s request: changed her mind' } },
  'customer-reason': { facts: { actorKind: 'api', reason: 'cleared for the customer’s account' } },
  'policy-reason': { facts: { reason: 'stock-out in warehouse 2' } },
  'no-money-held': { facts: { heldMinor: 0 } },
  'one-account': { company: { oneAccount: true } },
};
const seenSigns = signs.map((sign) => sign.sign);

describe('each sign', () => {
  const nothing = { ...paid, heldMinor: null };

  it.each([...new Set(seenSigns)])('%s is seen where it is, and only there', (sign) => {
    const { facts, company, settled } = shows[sign];
    const seen = judged({ ...nothing, ...facts }, { ...noCompany, ...company }, settled);
    expect(seen.reasons.map((reason) => reason.sign)).toContain(sign);
    expect(seen.reasons.every((reason) => reason.words.length > 10)).toBe(true);
    const plain = judged(nothing);
    expect(plain.reasons.map((reason) => reason.sign)).not.toContain(sign);
  });

  it.each([
    ['Customer request', true],
    ['changed my mind', true],
    ['Order was cancelled by the customer', true],
    ['not paid by the customer', false],
    ['no payment on the customer account', false],
  ])('reason "%s" says that the customer wished it: %s', (reason, says) => {
    const { reasons } = judged({ ...paid, reason });
    expect(reasons.some(({ sign }) => sign === 'wish-reason')).toBe(says);
  });

  it.each([
    ['Payment not received in time', true],
    ['order unpaid', true],
    ['non-payment', true],
    ['payment timed out', true],
    ['payment method changed', false],
    ['customer paid twice', false],
  ])('reason "%s" says that no money came: %s', (reason, says) => {
    const { reasons } = judged({ ...paid, reason });
    expect(reasons.some(({ sign }) => sign === 'contradicts-payment')).toBe(says);
  });
});
