import { formatMoney } from '../platform/money.js';
import type { FindingMeasure, Slice } from './detector.js';

/** What a detector saw, as it is kept. */
export interface Finding {
  readonly id: string;
  readonly shopId: string;
  readonly detector: string;
  readonly fingerprint: string;
  readonly state: 'live' | 'closed';
  readonly slice: Slice;
  readonly sentence: string;
  readonly measure: FindingMeasure;
  readonly firstEventAt: Date;
  readonly lastEventAt: Date;
  readonly foundAt: Date;
  readonly closedAt: Date | null;
  /** grows with each change: readers compare it with the one they have seen */
  readonly version: number;
}

const weeksPerYear = 52.18;
/** Less than this is said to be little: one week shows every hour of the week once. */
const learntDaysEnough = 7;

/**
 * The finding in one sentence with numbers: how many orders of how many customers, how much money,
 * since when, by what, expected how many, how often by chance, still rising or not; and what is not known.
 */
export function sentence(measure: FindingMeasure): string {
  const { accounts, expected, rising } = measure;
  const what = `${ordersInWords(measure)} of ${plural(accounts, 'customer')}`;
  const money = Object.entries(measure.money)
    .filter(([, amountMinor]) => amountMinor !== 0)
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([currency, amountMinor]) => formatMoney({ amountMinor, currency }));
  const worth = money.length === 0 ? '' : ` (${money.join(' + ')})`;
  const verb = measure.orders === 1 ? 'was' : 'were';
  const by = sliceInWords(measure.slice);
  const trend = rising ? 'still rising' : `no more than usual after ${clockTime(measure.until)}`;
  return (
    `${what}${worth} ${verb} cancelled ${by} since ${clockTime(measure.since)}; ` +
    `${expectedInWords(expected)} expected, ` +
    `chance alone does this ${chanceInWords(measure.weeksPerChance)}; ${trend}` +
    gapInWords(measure.gap) +
    knowledgeInWords(measure.learntDays)
  );
}

function ordersInWords({ orders, paidOrders }: FindingMeasure): string {
  if (paidOrders === orders) return plural(orders, 'paid order');
  return paidOrders === 0
    ? plural(orders, 'order')
    : `${plural(orders, 'order')} (${paidOrders} of them paid)`;
}

function sliceInWords(slice: Slice): string {
  const { actor_kind: kind, actor, reason, ...attributes } = slice;
  const parts: string[] = [];
  if (actor !== undefined) parts.push(`by ${kind === undefined ? '' : `${kind} `}"${actor}"`);
  else if (kind !== undefined) parts.push(kind === 'unknown' ? 'by nobody known' : `by a ${kind}`);
  if (reason !== undefined) parts.push(`for the reason "${reason}"`);
  for (const [name, value] of Object.entries(attributes)) {
    parts.push(`with ${name.replaceAll('_', ' ')} ${value}`);
  }
  return parts.length === 0 ? 'across the whole shop' : parts.join(' ');
}

function expectedInWords(expected: number): string {
  if (expected < 0.05) return 'next to none';
  return expected < 10 ? expected.toFixed(1) : String(Math.round(expected));
}

/** How often, in a unit that fits; nobody tells a thousand years from ten thousand. */
function chanceInWords(weeks: number): string {
  const years = weeks / weeksPerYear;
  if (years >= 1_000) return 'less than once in 1,000 years';
  if (years >= 2) return `once in ${Math.floor(years)} years`;
  return weeks >= 2 ? `once in ${Math.floor(weeks)} weeks` : 'about once a week';
}

function gapInWords(gap: FindingMeasure['gap']): string {
  if (gap === null) return '';
  const [from, until] = [clockTime(gap.from), clockTime(gap.until)];
  return `; changes of the shop were lost between ${from} and ${until}, so there may be more`;
}

function knowledgeInWords(learntDays: number): string {
  if (learntDays >= learntDaysEnough) return '';
  const days = plural(Math.floor(learntDays), 'day');
  return `; only ${days} of this shop are known, so what is expected is a cautious guess`;
}

/** Seconds matter when a failure is minutes old, the date when it is read the next morning. */
function clockTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
