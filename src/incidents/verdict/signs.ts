import { formatMoney, money } from '../../platform/money.js';
import type { Company, VerdictFacts } from './facts.js';
import { saysNothing, type ReasonReader } from './reason-phrases.js';

/** What a sign looks at. */
export interface Seen {
  readonly facts: VerdictFacts;
  readonly company: Company;
  /** what the shop's cancel reasons say */
  readonly reasons: ReasonReader;
  /** the shop has had its time to write who did it and why, and the journal has come so far */
  readonly settled: boolean;
}

export const signNames = [
  'announced',
  'beyond-announced',
  'fraud-flag',
  'evidence-missing',
  'not-settled',
  'money-held',
  'automatic-actor',
  'contradicts-payment',
  'no-history',
  'near-in-time',
  'paid-after',
  'shipped-before',
  'alike',
  'on-the-hour',
  'after-change',
  'by-customer',
  'by-staff',
  'refunded',
  'partial',
  'policy-reason',
  'wish-reason',
  'customer-reason',
  'no-money-held',
  'one-account',
  'no-sign',
] as const;

export interface Sign {
  readonly sign: (typeof signNames)[number];
  readonly for: 'wrongful' | 'intended' | 'neither';
  /** how much it says: 1 hints, 3 is strong, 5 nearly settles it, 10 does */
  readonly weight: number;
  holds(seen: Seen): boolean;
  words(seen: Seen): string;
}

/** The signs of a wrongful cancel first, then those of a wished one. */
export const signs: readonly Sign[] = [
  {
    sign: 'announced',
    for: 'intended',
    weight: 10,
    holds: ({ facts }) => facts.announced !== null,
    words: ({ facts }) => `a bulk cancel was announced: ${facts.announced ?? ''}`,
  },
  {
    sign: 'beyond-announced',
    for: 'neither',
    weight: 0,
    holds: ({ facts }) => facts.announced === null && facts.beyondAnnounced !== null,
    words: ({ facts }) =>
      `a bulk cancel of at most ${facts.beyondAnnounced?.greatestCount ?? 0} orders was announced (${facts.beyondAnnounced?.reason ?? ''}), and this one comes after them`,
  },
  {
    sign: 'fraud-flag',
    for: 'intended',
    weight: 10,
    holds: ({ facts }) => facts.fraudFlag,
    words: () => 'the shop flags this order as fraud',
  },
  {
    sign: 'not-settled',
    for: 'neither',
    weight: 0,
    holds: (seen) => isUnknown(seen) && !seen.settled,
    words: () => 'the shop may still write who did it and why; judged again in a moment',
  },
  {
    sign: 'money-held',
    for: 'wrongful',
    weight: 3,
    holds: ({ facts }) => (facts.heldMinor ?? 0) > 0,
    words: ({ facts }) =>
      facts.currency === null
        ? 'the shop holds money of this order'
        : `the shop holds ${formatMoney(money(facts.heldMinor ?? 0, facts.currency))} of this order`,
  },
  {
    sign: 'automatic-actor',
    for: 'wrongful',
    weight: 3,
    holds: ({ facts }) => facts.actorKind === 'job' || facts.actorKind === 'api',
    words: ({ facts }) => programInWords(facts),
  },
  {
    sign: 'contradicts-payment',
    for: 'wrongful',
    weight: 3,
    holds: contradictsPayment,
    words: ({ facts }) => `the reason${quoted(facts.reason)} is not true: the money is there`,
  },
  {
    sign: 'no-history',
    for: 'wrongful',
    weight: 3,
    holds: (seen) => isUnknown(seen) && seen.facts.inHistory === false && seen.settled,
    words: () => "nobody knows who did it, and the shop's own history has no word of it",
  },
  {
    sign: 'near-in-time',
    for: 'wrongful',
    weight: 2,
    holds: ({ company }) => company.near,
    words: () => 'many orders of other customers went the same way within minutes',
  },
  {
    sign: 'paid-after',
    for: 'wrongful',
    weight: 2,
    holds: ({ facts }) => facts.paidAfter,
    words: () => 'a payment came after the cancellation',
  },
  {
    sign: 'shipped-before',
    for: 'wrongful',
    weight: 2,
    holds: ({ facts }) => facts.shippedBefore,
    words: () => 'the goods had been shipped already',
  },
  {
    sign: 'alike',
    for: 'wrongful',
    weight: 1,
    holds: ({ company }) => company.alike,
    words: ({ facts }) =>
      facts.reason === null
        ? 'many orders of other customers were cancelled by the same actor, without a reason'
        : `the same reason${quoted(facts.reason)} stands on many orders of other customers`,
  },
  {
    sign: 'on-the-hour',
    for: 'wrongful',
    weight: 1,
    holds: ({ company }) => company.onTheHour,
    words: () => 'it happened exactly on the hour, like many others',
  },
  {
    sign: 'after-change',
    for: 'wrongful',
    weight: 1,
    holds: ({ facts }) => facts.changeBefore !== null,
    words: ({ facts }) =>
      `${Math.round(facts.changeBefore?.minutes ?? 0)} min after a change: ${facts.changeBefore?.what ?? ''}`,
  },
  ...byCustomer(),
  ...byStaff(),
  {
    sign: 'refunded',
    for: 'intended',
    weight: 4,
    holds: ({ facts }) => facts.refunded,
    words: () => 'money was given back since',
  },
  {
    sign: 'partial',
    for: 'intended',
    weight: 4,
    holds: ({ facts }) => facts.partial,
    words: () => 'only a part of the order was cancelled',
  },
  {
    sign: 'policy-reason',
    for: 'intended',
    weight: 3,
    holds: ({ facts, reasons }) => facts.reason !== null && reasons.saysPolicy(facts.reason),
    words: ({ facts }) => `the reason${quoted(facts.reason)} is one of policy`,
  },
  {
    sign: 'wish-reason',
    for: 'intended',
    weight: 3,
    // where the shop says that the customer did it, the sign of that says so already
    holds: ({ facts, reasons }) =>
      facts.actorKind !== 'customer' && facts.reason !== null && reasons.saysWish(facts.reason),
    words: ({ facts }) => `the reason${quoted(facts.reason)} says that the customer wished it`,
  },
  {
    sign: 'customer-reason',
    for: 'intended',
    weight: 1,
    // the customers of a storefront cancel through its key: who did it stands in the reason, if anywhere
    holds: ({ facts, reasons }) =>
      facts.actorKind === 'api' &&
      facts.reason !== null &&
      reasons.speaksOfCustomer(facts.reason) &&
      !reasons.saysWish(facts.reason),
    words: ({ facts }) => `the reason${quoted(facts.reason)} speaks of the customer`,
  },
  {
    sign: 'no-money-held',
    for: 'intended',
    weight: 3,
    holds: ({ facts }) => facts.heldMinor !== null && facts.heldMinor <= 0,
    words: () => 'the shop holds no money of this order',
  },
  {
    sign: 'one-account',
    for: 'intended',
    weight: 2,
    holds: ({ company }) => company.oneAccount,
    words: () => 'many of the cancelled orders belong to this one customer',
  },
];

/** A reason of their own makes it nearly sure; without one, another's act may pass for the customer's. */
function byCustomer(): Sign[] {
  const isIt = ({ facts }: Seen) => facts.actorKind === 'customer';
  return [
    {
      sign: 'by-customer',
      for: 'intended',
      weight: 5,
      holds: (seen) => isIt(seen) && hasOwnReason(seen),
      words: ({ facts }) => `the customer did it, and said why:${quoted(facts.reason)}`,
    },
    {
      sign: 'by-customer',
      for: 'intended',
      weight: 3,
      holds: (seen) => isIt(seen) && !hasOwnReason(seen),
      words: () => 'the shop says that the customer did it, without a reason of their own',
    },
  ];
}

function byStaff(): Sign[] {
  const isIt = ({ facts }: Seen) => facts.actorKind === 'staff';
  const saidWhy = (seen: Seen) => hasReason(seen) && !contradictsPayment(seen);
  return [
    {
      sign: 'by-staff',
      for: 'intended',
      weight: 5,
      holds: (seen) => isIt(seen) && saidWhy(seen),
      words: ({ facts }) =>
        `staff${quoted(facts.actor)} did it, and said why:${quoted(facts.reason)}`,
    },
    {
      sign: 'by-staff',
      for: 'intended',
      weight: 2,
      holds: (seen) => isIt(seen) && !saidWhy(seen),
      words: ({ facts }) => `staff${quoted(facts.actor)} did it, without a reason that holds`,
    },
  ];
}

/** Where no key is known either, a customer may stand behind it: nobody is named, but nobody ruled out. */
function programInWords({ actorKind, actor }: VerdictFacts): string {
  if (actorKind === 'job') return `a job${quoted(actor)} did it, no person`;
  if (actor === null) return 'it came by an API or from within the shop, and no person is named';
  return `an API key${quoted(actor)} did it, no person`;
}

function isUnknown({ facts }: Seen): boolean {
  return facts.actorKind === 'unknown';
}

function contradictsPayment({ facts, reasons }: Seen): boolean {
  return facts.reason !== null && reasons.saysUnpaid(facts.reason) && (facts.heldMinor ?? 0) > 0;
}

function hasReason({ facts }: Seen): boolean {
  return facts.reason !== null && !saysNothing(facts.reason);
}

/** One that a person wrote: it says something, and does not stand on many orders within minutes. */
function hasOwnReason(seen: Seen): boolean {
  return hasReason(seen) && !seen.company.near && !contradictsPayment(seen);
}

function quoted(text: string | null): string {
  return text === null ? '' : ` “${text}”`;
}
