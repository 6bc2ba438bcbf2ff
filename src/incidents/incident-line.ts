import type { Severity } from '../alerting/severity.js';
import { isMoreSevere, severityOf } from '../alerting/severity.js';
import type { ActorKind } from '../orders/order-event.js';
import { formatMoney, type Money } from '../platform/money.js';
import type { Verdict } from './verdict/verdict.js';

/** What an incident's cases come to. "Harmed" are those that nobody meant, as far as the verdicts know. */
export interface IncidentNumbers {
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** harmed orders whose money the shop holds */
  readonly paid: number;
  /** how many customers those are of; of all harmed orders where none is paid */
  readonly customers: number;
  /** the money held of them, per currency */
  readonly money: readonly Money[];
  /** the first harmed cancellation */
  readonly since: Date | null;
  /** what most of them were cancelled by */
  readonly by: {
    readonly actorKind: ActorKind;
    readonly actor: string | null;
    readonly reason: string | null;
    readonly orders: number;
  } | null;
}

/** What detection says about the same failure; null for an incident that was only declared. */
export interface IncidentTrend {
  /** accounts that would be expected to cancel in that time */
  readonly expected: number;
  readonly rising: boolean;
  /** still seen, or over */
  readonly firing: boolean;
}

/** Orders that somebody has to care about: neither intended nor of no interest. */
export function harmedOrders(numbers: IncidentNumbers): number {
  return numbers.verdicts.wrongful + numbers.verdicts.unsure;
}

/**
 * The incident in one sentence, as people get it at night: how many paid orders, how much money, since
 * when, by what, how many were to be expected, and whether it goes on.
 */
export function incidentLine(numbers: IncidentNumbers, trend: IncidentTrend | null): string {
  const parts = [harmWords(numbers), expectedWords(trend), trendWords(trend)];
  return parts.filter((part) => part !== null).join('; ');
}

/** Numbers raise the severity and never lower it; where a person has set it, they leave it alone. */
export function severityByNumbers(
  incident: { severity: Severity; severityBy: string | null },
  numbers: IncidentNumbers,
  trend: IncidentTrend | null,
): Severity {
  if (incident.severityBy !== null) return incident.severity;
  const orders = numbers.paid > 0 ? numbers.paid : harmedOrders(numbers);
  const counted = severityOf({ orders, rising: trend?.rising ?? false });
  return isMoreSevere(counted, incident.severity) ? counted : incident.severity;
}

function harmWords(numbers: IncidentNumbers): string {
  const harmed = harmedOrders(numbers);
  if (harmed === 0)
    return `${counted(numbers.verdicts.intended, 'cancellation')}, all look intended`;
  const orders = numbers.paid > 0 ? counted(numbers.paid, 'paid order') : counted(harmed, 'order');
  const money =
    numbers.money.length === 0 ? '' : ` (${numbers.money.map(formatMoney).join(' + ')})`;
  const since = numbers.since === null ? '' : ` since ${utc(numbers.since)}`;
  const of = numbers.customers > 0 ? ` of ${counted(numbers.customers, 'customer')}` : '';
  return `${orders}${of}${money} cancelled${since} ${actorWords(numbers)}`;
}

function actorWords({ by, paid, verdicts }: IncidentNumbers): string {
  if (by === null) return 'by nobody knows whom';
  const all = paid > 0 ? paid : verdicts.wrongful + verdicts.unsure;
  const share = by.orders < all ? `mostly (${by.orders}) ` : '';
  return `${share}by ${actorNames[by.actorKind]}${actorName(by)}${reasonWords(by)}`;
}

type Actor = NonNullable<IncidentNumbers['by']>;

/** A customer's name is nobody's business at night. */
function actorName({ actorKind, actor }: Actor): string {
  return actor === null || actorKind === 'customer' ? '' : ` “${brief(actor)}”`;
}

/** A reason that stands on one order only may tell of its customer: the line leaves the house. */
function reasonWords({ reason, orders }: Actor): string {
  if (reason === null) return ', without a reason';
  return orders > 1 ? `, reason “${brief(reason)}”` : ', for a reason of its own';
}

/** Longer than any name or reason that somebody gives in earnest; the line is read on a phone. */
const longestText = 80;

/** One line of text that the shop wrote, whatever is in it. */
function brief(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length <= longestText ? line : `${line.slice(0, longestText - 1)}…`;
}

const actorNames: Readonly<Record<ActorKind, string>> = {
  customer: 'customers',
  staff: 'staff',
  job: 'the job',
  api: 'an API key',
  unknown: 'an unknown actor',
};

function expectedWords(trend: IncidentTrend | null): string | null {
  if (trend === null) return null;
  const { expected } = trend;
  const number = expected < 10 ? expected.toFixed(1) : expected.toFixed(0);
  return `${number} expected in that time`;
}

function trendWords(trend: IncidentTrend | null): string {
  if (trend === null) return 'declared by hand';
  if (!trend.firing) return 'over';
  return trend.rising ? 'still rising' : 'not rising any more';
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** To the second, e.g. `2026-11-22 20:44:10 UTC`. */
function utc(moment: Date): string {
  return `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
