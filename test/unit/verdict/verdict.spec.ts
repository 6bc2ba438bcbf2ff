import type { ActorKind } from '../../../src/orders/order-event.js';
import {
  noCompany,
  type Company,
  type VerdictFacts,
} from '../../../src/incidents/verdict/facts.js';
import type { Verdict } from '../../../src/incidents/verdict/verdict.js';
import { judged, many, paid } from '../../support/verdict-facts.js';

interface Scene {
  readonly what: string;
  /** true where it is left out */
  readonly settled?: boolean;
  readonly facts: Partial<VerdictFacts>;
  readonly company?: Company;
  readonly verdict: Verdict;
}

const scenes: Scene[] = [
  {
    what: 'a raw UPDATE over many paid orders, no word in the history',
    facts: { inHistory: false },
    company: many,
    verdict: 'wrongful',
  },
  {
    what: 'a slow drip of raw UPDATEs: many alike, but not within minutes',
    facts: { inHistory: false },
    company: { ...noCompany, alike: true },
    verdict: 'wrongful',
  },
  {
    what: 'one raw UPDATE of a paid order, alone, no word in the history',
    facts: { inHistory: false },
    verdict: 'wrongful',
  },
  {
    what: 'the same, but the history has a word of which nobody knows who wrote it',
    facts: { inHistory: true },
    verdict: 'unsure',
  },
  {
    what: 'the same for a reason that is one of policy',
    facts: { inHistory: false, reason: 'recall' },
    verdict: 'unsure',
  },
  {
    what: 'the same, and money went back since',
    facts: { inHistory: false, refunded: true },
    verdict: 'unsure',
  },
  {
    what: 'many orders of one customer cancelled by raw SQL',
    facts: { inHistory: false },
    company: { ...noCompany, oneAccount: true },
    verdict: 'unsure',
  },
  {
    what: 'one raw UPDATE whose history row may still come',
    facts: { inHistory: false },
    settled: false,
    verdict: 'unsure',
  },
  {
    what: 'raw UPDATEs of many orders whose history rows may still come',
    facts: { inHistory: false },
    settled: false,
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'raw UPDATEs of orders without money',
    facts: { inHistory: false, heldMinor: 0 },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'a job cancels a paid order',
    facts: { actorKind: 'job', actor: 'unpaid-orders' },
    verdict: 'wrongful',
  },
  {
    what: 'the same, although the history may still get a row',
    facts: { actorKind: 'job', actor: 'unpaid-orders' },
    settled: false,
    verdict: 'wrongful',
  },
  {
    what: 'an API key cancels paid orders as unpaid',
    facts: { actorKind: 'api', actor: 'key-7', reason: 'payment not received' },
    company: many,
    verdict: 'wrongful',
  },
  {
    what: 'a job cancels unpaid orders, as it should',
    facts: { actorKind: 'job', reason: 'payment not received', heldMinor: 0 },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'a payment arrives after the job cancelled for want of it',
    facts: { actorKind: 'job', reason: 'payment not received', paidAfter: true },
    verdict: 'wrongful',
  },
  {
    what: 'a job cancels paid orders and the money goes back at once',
    facts: { actorKind: 'job', heldMinor: 0, refunded: true },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'an automatic fraud sweep that says so',
    facts: { actorKind: 'api', actor: 'risk-engine', reason: 'suspected fraud' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'a storefront’s API key cancels at a click of the customer, and says so',
    facts: { actorKind: 'api', actor: 'storefront', reason: 'Customer request' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: '3-D Secure: a job writes "cancelled by customer" while the money is captured',
    facts: { actorKind: 'job', reason: 'Order cancelled by customer.' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'a job cancels beyond what was announced',
    facts: { actorKind: 'job', beyondAnnounced: { reason: 'closing down', greatestCount: 6 } },
    company: many,
    verdict: 'wrongful',
  },
  {
    what: 'a recall by a job, after a deploy, on the hour',
    facts: {
      actorKind: 'job',
      reason: 'product recall',
      changeBefore: { what: 'shop 4.2', minutes: 3 },
    },
    company: { ...many, onTheHour: true },
    verdict: 'unsure',
  },
  {
    what: '3-D Secure: "cancelled by customer" with the money captured',
    facts: { actorKind: 'customer', reason: 'Cancelled by customer' },
    verdict: 'unsure',
  },
  {
    what: 'the same on many orders, the payment arriving after it',
    facts: { actorKind: 'customer', reason: 'cancelled by customer', paidAfter: true },
    company: { ...many, onTheHour: true },
    verdict: 'unsure',
  },
  {
    what: 'a customer among the victims, with a reason of their own',
    facts: { actorKind: 'customer', actor: 'customer', reason: 'changed my mind' },
    verdict: 'intended',
  },
  {
    what: 'a customer without a reason, money given back',
    facts: { actorKind: 'customer', heldMinor: 0, refunded: true },
    verdict: 'intended',
  },
  {
    what: 'a customer who had not paid',
    facts: { actorKind: 'customer', heldMinor: 0 },
    verdict: 'intended',
  },
  {
    what: 'a customer cancelling forty orders of their own',
    facts: { actorKind: 'customer', reason: 'office move postponed' },
    company: { ...noCompany, oneAccount: true },
    verdict: 'intended',
  },
  {
    what: 'many customers are said to have given one and the same reason within minutes',
    facts: { actorKind: 'customer', reason: 'changed my mind' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'staff sweeps fraud out, money not yet returned',
    facts: { actorKind: 'staff', actor: 'm.peters', reason: 'suspected fraud' },
    company: many,
    verdict: 'intended',
  },
  {
    what: 'one order that staff cancelled for its own reason',
    facts: { actorKind: 'staff', actor: 'm.peters', reason: 'address cannot be delivered' },
    verdict: 'intended',
  },
  {
    what: 'staff cancels many paid orders within minutes and says nothing of fraud',
    facts: { actorKind: 'staff', actor: 'm.peters', reason: 'wrong shipping zone' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'staff cancels many paid orders and gives no reason',
    facts: { actorKind: 'staff', actor: 'm.peters' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'a script under a staff login cancels many paid orders as unpaid',
    facts: { actorKind: 'staff', actor: 'superadmin', reason: 'Payment not received in time' },
    company: many,
    verdict: 'wrongful',
  },
  {
    what: 'staff cancels one paid order as unpaid',
    facts: { actorKind: 'staff', actor: 'm.peters', reason: 'not paid' },
    verdict: 'unsure',
  },
  {
    what: 'an announced bulk cancel by a job',
    facts: { actorKind: 'job', announced: 'warehouse north is closed' },
    company: many,
    verdict: 'intended',
  },
  {
    what: 'an order that the shop flags as fraud',
    facts: { actorKind: 'job', fraudFlag: true },
    company: many,
    verdict: 'intended',
  },
  {
    what: 'only a line was cancelled, by a job',
    facts: { actorKind: 'job', partial: true, reason: 'payment not received' },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'only a line was cancelled, at the customer’s wish',
    facts: { actorKind: 'customer', partial: true, reason: 'one less please' },
    verdict: 'intended',
  },
  {
    what: 'shipped, then cancelled by a pending-payment lifetime',
    facts: { actorKind: 'job', shippedBefore: true },
    verdict: 'wrongful',
  },
  {
    what: 'the shop keeps no history, nobody knows who did it, one order',
    facts: { inHistory: null },
    verdict: 'unsure',
  },
  {
    what: 'nothing is known of the money',
    facts: { actorKind: 'job', heldMinor: null },
    company: many,
    verdict: 'unsure',
  },
];

describe('verdict', () => {
  it.each(scenes)('$what: $verdict', ({ facts, settled, company, verdict }) => {
    const judgement = judged({ ...paid, ...facts }, company, settled);
    expect(judgement.verdict).toBe(verdict);
    expect(judgement.reasons.length).toBeGreaterThan(0);
  });

  it('is never wrongful without money held, whatever else speaks for it', () => {
    for (const facts of allSignsFor({ ...paid, heldMinor: 0 }))
      expect(judged(facts, everything).verdict).not.toBe('wrongful');
  });

  it('is never wrongful where a customer did it, whatever else speaks for it', () => {
    for (const facts of allSignsFor({ ...paid, actorKind: 'customer' }))
      expect(judged(facts, everything).verdict).not.toBe('wrongful');
  });

  it('is never intended where no person did it and nothing was announced', () => {
    const kinds: ActorKind[] = ['job', 'api', 'unknown'];
    for (const actorKind of kinds)
      for (const refunded of [true, false])
        for (const heldMinor of [0, 4_990, null]) {
          const facts = { ...paid, actorKind, refunded, heldMinor, reason: 'suspected fraud' };
          expect(judged(facts).verdict).not.toBe('intended');
        }
  });

  it('never stands without a reason in words', () => {
    const judgement = judged({ ...paid, heldMinor: null });
    expect(judgement).toEqual({
      verdict: 'unsure',
      reasons: [
        {
          sign: 'no-sign',
          for: 'neither',
          weight: 0,
          words: 'nothing is known that speaks for or against it',
        },
      ],
    });
  });

  it('gives its reasons heaviest first', () => {
    const { reasons } = judged(
      { ...paid, actorKind: 'job', actor: 'unpaid-orders', reason: 'not paid' },
      { ...many, onTheHour: true },
    );
    expect(reasons.map(({ sign, weight }) => [sign, weight])).toEqual([
      ['money-held', 3],
      ['automatic-actor', 3],
      ['contradicts-payment', 3],
      ['near-in-time', 2],
      ['alike', 1],
      ['on-the-hour', 1],
    ]);
    expect(reasons.map(({ words }) => words)).toEqual([
      'the shop holds EUR 49.90 of this order',
      'a job “unpaid-orders” did it, no person',
      'the reason “not paid” is not true: the money is there',
      'many orders of other customers went the same way within minutes',
      'the same reason “not paid” stands on many orders of other customers',
      'it happened exactly on the hour, like many others',
    ]);
  });
});

const everything: Company = { alike: true, near: true, onTheHour: true, oneAccount: false };

/** The same facts with each single sign added, and with all that speak for a failure. */
function allSignsFor(base: VerdictFacts): VerdictFacts[] {
  const loud = {
    ...base,
    reason: 'payment not received',
    inHistory: false,
    paidAfter: true,
    shippedBefore: true,
    changeBefore: { what: 'shop 4.2', minutes: 1 },
  };
  return [loud, { ...loud, reason: null }, { ...loud, inHistory: null }];
}
