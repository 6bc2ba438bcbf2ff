import type { ActorKind } from '../../../src/orders/order-event.js';
import { present } from '../../../src/platform/assert.js';
import { cancellationActor } from '../../../src/shops/cancellation-actor.js';
import { loadProfile } from '../../../src/shops/profile-file.js';
import {
  noCompany,
  type Company,
  type VerdictFacts,
} from '../../../src/incidents/verdict/facts.js';
import { reasonReader } from '../../../src/incidents/verdict/reason-phrases.js';
import { judge, type Verdict } from '../../../src/incidents/verdict/verdict.js';
import { many, paid } from '../../support/verdict-facts.js';

const changeBefore = { what: 'shop 4.2', minutes: 1 };
const manyOnTheHour: Company = { ...many, onTheHour: true };
const staff = { actorKind: 'staff', actor: 'm.peters' } as const;
const key = { actorKind: 'api', actor: 'storefront' } as const;

const reader = reasonReader();
const verdictOf = (facts: Partial<VerdictFacts>, company = noCompany): Verdict =>
  judge({ facts: { ...paid, ...facts }, company, reasons: reader, settled: true }).verdict;

interface Scene {
  readonly what: string;
  readonly facts: Partial<VerdictFacts>;
  readonly company?: Company;
  readonly verdict: Verdict;
}

const scenes: Scene[] = [
  {
    what: 'staff with a reason of their own, on many shipped orders, paid after, near a deploy',
    facts: {
      ...staff,
      ...{ reason: 'carrier lost the truck', changeBefore },
      ...{ shippedBefore: true, paidAfter: true },
    },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'staff without a reason, many orders on the hour after a deploy',
    facts: { ...staff, changeBefore },
    company: manyOnTheHour,
    verdict: 'unsure',
  },
  {
    what: 'staff without a reason, many shipped orders after a deploy',
    facts: { ...staff, changeBefore, shippedBefore: true },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'staff whose program writes no more than "Order cancelled", paid after',
    facts: { ...staff, reason: 'Order cancelled', changeBefore, paidAfter: true },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'staff cancels many as unpaid although the money is there',
    facts: { ...staff, reason: 'Payment not received in time' },
    company: many,
    verdict: 'wrongful',
  },
  {
    what: 'staff cancels many as unpaid, which may have been true: the money came later',
    facts: { ...staff, reason: 'Payment not received in time', paidAfter: true },
    company: many,
    verdict: 'unsure',
  },
  {
    what: 'one paid order, cancelled through an API key',
    facts: key,
    verdict: 'unsure',
  },
  {
    what: 'the same, and the reason is not true',
    facts: { ...key, reason: 'payment not received' },
    verdict: 'wrongful',
  },
  {
    what: 'the same, and the payment came after it',
    facts: { ...key, paidAfter: true },
    verdict: 'wrongful',
  },
  {
    what: 'many paid orders, cancelled through an API key for no reason',
    facts: key,
    company: many,
    verdict: 'wrongful',
  },
  {
    what: 'many, of which the API key says something about the customer',
    facts: { ...key, reason: 'payment not received from customer', changeBefore },
    company: manyOnTheHour,
    verdict: 'unsure',
  },
  ...[
    'customer no longer wants it',
    'Kunde hat storniert',
    'Customer cancelled via chat',
    'Rückruf des Herstellers',
  ].map((reason): Scene => ({
    what: `many through an API key: "${reason}"`,
    facts: { ...key, reason },
    company: many,
    verdict: 'unsure',
  })),
  {
    what: 'a job whose reason names the customer, but wishes nothing of theirs',
    facts: { actorKind: 'job', reason: 'Zahlung vom Kunden nicht erhalten' },
    verdict: 'wrongful',
  },
  {
    what: 'one paid order that a job cancels',
    facts: { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' },
    verdict: 'wrongful',
  },
];

describe('how far a verdict may go', () => {
  it.each(scenes)('$what: $verdict', ({ facts, company, verdict }) => {
    expect(verdictOf(facts, company)).toBe(verdict);
  });
});

describe('a reason in a language that nobody foresaw', () => {
  const verdictWith = (facts: Partial<VerdictFacts>, own?: Parameters<typeof reasonReader>[0]) =>
    judge({
      facts: { ...paid, ...key, ...facts },
      ...{ company: many, reasons: reasonReader(own), settled: true },
    }).verdict;
  const none = { wish: [], policy: [], unpaid: [], customer: [] };

  it.each([
    ['wish', 'Скасовано на прохання клієнта', 'на прохання клієнт*'],
    ['policy', 'підозра на шахрайство', 'шахрайств*'],
    ['customer', 'рахунок клієнта', 'клієнт*'],
  ])('counts as %s with the profile’s phrase alone', (meaning, reason, phrase) => {
    expect(verdictWith({ reason })).toBe('wrongful');
    expect(verdictWith({ reason }, none)).toBe('wrongful');
    expect(verdictWith({ reason }, { ...none, [meaning]: [phrase] })).toBe('unsure');
  });

  it('is not true where it says that no money came, and there is some', () => {
    const facts = { ...staff, reason: 'оплата не надійшла' };
    expect(verdictWith(facts)).not.toBe('wrongful');
    expect(verdictWith(facts, { ...none, unpaid: ['оплата не надійшла'] })).toBe('wrongful');
  });
});

describe('a shop whose history names staff alone, such as Vendure', () => {
  let nobody: Pick<VerdictFacts, 'actorKind' | 'actor' | 'reason'>;
  beforeAll(async () => {
    const { profile } = await loadProfile('vendure', { directory: process.cwd() });
    const row = { administratorId: null, data: '{"lines":[],"shippingCancelled":true}' };
    nobody = cancellationActor(present(profile.history, 'the profile has a history'), row);
  });

  it('a customer who cancels through a plugin is never wrongful for that alone', () => {
    expect(verdictOf(nobody)).toBe('unsure');
    expect(verdictOf({ ...nobody, changeBefore })).toBe('unsure');
    expect(verdictOf({ ...nobody, reason: 'changed my mind' }, many)).toBe('unsure');
    expect(verdictOf({ ...nobody, heldMinor: 0 }, many)).not.toBe('wrongful');
  });

  it('is told without ruling a person out', () => {
    const { reasons } = judge({
      facts: { ...paid, ...nobody },
      ...{ company: noCompany, reasons: reader, settled: true },
    });
    expect(reasons.find(({ sign }) => sign === 'automatic-actor')?.words).toBe(
      'it came by an API or from within the shop, and no person is named',
    );
  });

  it('a job of the shop is, where more speaks for it', () => {
    expect(verdictOf(nobody, many)).toBe('wrongful');
    expect(verdictOf({ ...nobody, reason: 'Payment not received in time' })).toBe('wrongful');
  });
});

/** Reasons that say nothing, hold, are not true while money is held, or speak of a wish, a policy or a customer. */
const reasons = {
  none: [null, 'Order was cancelled'],
  holding: ['carrier lost the truck'],
  contradicted: ['payment not received'],
  meant: ['Kunde hat storniert', 'suspected fraud', 'checked with our customer'],
};

interface Case {
  readonly facts: VerdictFacts;
  readonly company: Company;
}

/** Every combination of what the signs look at, for one kind of actor that is known. */
function* everyCase(actorKind: ActorKind): Generator<Case> {
  for (const reason of Object.values(reasons).flat())
    for (const heldMinor of [4_990, 0])
      for (let bits = 0; bits < 2 ** 11; bits += 1) {
        const bit = (place: number) => (bits & (1 << place)) !== 0;
        yield {
          facts: {
            ...{ ...paid, actorKind, reason, heldMinor },
            ...{ partial: bit(0), refunded: bit(1), fraudFlag: bit(2) },
            ...{ paidAfter: bit(3), shippedBefore: bit(4) },
            announced: bit(5) ? 'closing down' : null,
            changeBefore: bit(6) ? changeBefore : null,
          },
          company: { alike: bit(7), near: bit(8), onTheHour: bit(9), oneAccount: bit(10) },
        };
      }
}

const wrongfulOf = (actorKind: ActorKind): Case[] =>
  [...everyCase(actorKind)].filter(
    ({ facts, company }) => verdictOf(facts, company) === 'wrongful',
  );

describe('over all combinations of signs', () => {
  it('what a customer did is never wrongful', () => {
    expect(wrongfulOf('customer')).toEqual([]);
  });

  it('what staff did is wrongful only where the reason given is not true', () => {
    const wrongful = wrongfulOf('staff');
    expect(new Set(wrongful.map(({ facts }) => facts.reason))).toEqual(
      new Set(reasons.contradicted),
    );
    expect(wrongful.every(({ facts }) => (facts.heldMinor ?? 0) > 0 && !facts.paidAfter)).toBe(
      true,
    );
  });

  it('what an API key did is never wrongful for the money and the key alone, nor where somebody meant it', () => {
    const wrongful = wrongfulOf('api');
    expect(wrongful.length).toBeGreaterThan(0);
    const further = ({ facts, company }: Case) =>
      [
        reasons.contradicted.some((reason) => reason === facts.reason),
        ...[facts.paidAfter, facts.shippedBefore, facts.changeBefore !== null],
        ...[company.alike, company.near, company.onTheHour],
      ].includes(true);
    expect(wrongful.filter((one) => !further(one))).toEqual([]);
    expect(
      wrongful.filter(({ facts }) => reasons.meant.some((reason) => reason === facts.reason)),
    ).toEqual([]);
  });
});
