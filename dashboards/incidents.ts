import { LocaleFormat, Seconds } from '@grafana/grafana-foundation-sdk/units';
import type { DashboardPlan } from './dashboard.js';
import { comparison, course, figure } from './panels.js';

const standing = [
  figure({
    title: 'Open incidents',
    description: 'Incidents that are not resolved, in the chosen shops.',
    queries: [{ expr: 'sum(max by (shop, severity) (reinstate_incidents_open{shop=~"$shop"}))' }],
    unit: LocaleFormat,
    width: 4,
    redFrom: 1,
    runbook: 'WrongfulCancellations',
  }),
  figure({
    title: 'Money at risk',
    description:
      'Money that the shops hold of orders which are cancelled and not restored, for each currency; without what was cancelled on purpose.',
    queries: [
      {
        expr: 'sum by (currency) (max by (shop, currency) (reinstate_money_at_risk{shop=~"$shop",currency!=""})) or on () sum(max by (shop, currency) (reinstate_money_at_risk{shop=~"$shop"}))',
        name: '{{currency}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 2,
    width: 5,
    redFrom: 0.01,
    runbook: 'WrongfulCancellations',
  }),
  figure({
    title: 'Money recovered',
    description: 'Money of orders that stand restored, of all incidents so far, for each currency.',
    queries: [
      {
        expr: 'sum by (currency) (max by (shop, currency) (reinstate_money_recovered{shop=~"$shop",currency!=""})) or on () sum(max by (shop, currency) (reinstate_money_recovered{shop=~"$shop"}))',
        name: '{{currency}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 2,
    width: 5,
  }),
  figure({
    title: 'Orders not restored yet',
    description: 'Orders of open incidents that are neither restored nor closed.',
    queries: [
      {
        expr: 'sum(max by (shop, state) (reinstate_cases{shop=~"$shop",state!~"restored|closed"}))',
      },
    ],
    unit: LocaleFormat,
    width: 3,
    yellowFrom: 1,
  }),
  figure({
    title: 'Orders restored',
    description: 'Orders of open incidents that were restored, each read back and verified.',
    queries: [
      { expr: 'sum(max by (shop, state) (reinstate_cases{shop=~"$shop",state="restored"}))' },
    ],
    unit: LocaleFormat,
    width: 3,
  }),
  figure({
    title: 'Orders that wait for a person',
    description: 'Somebody has to decide about each of them: the console tells why.',
    queries: [
      { expr: 'sum(max by (shop, state) (reinstate_cases{shop=~"$shop",state="person"}))' },
    ],
    unit: LocaleFormat,
    width: 4,
    yellowFrom: 1,
  }),
];

const money = [
  course({
    title: 'Money at risk',
    description: 'By shop and currency. It falls as orders are restored or decided about.',
    queries: [
      {
        expr: 'max by (shop, currency) (reinstate_money_at_risk{shop=~"$shop"})',
        name: '{{shop}} {{currency}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 2,
    width: 12,
  }),
  course({
    title: 'Money recovered',
    description: 'By shop and currency, since the beginning; what is undone no longer counts.',
    queries: [
      {
        expr: 'max by (shop, currency) (reinstate_money_recovered{shop=~"$shop"})',
        name: '{{shop}} {{currency}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 2,
    width: 12,
  }),
];

const incidentsAndOrders = [
  course({
    title: 'Open incidents, by severity',
    description: 'Incidents that are not resolved.',
    queries: [
      {
        expr: 'sum by (severity) (max by (shop, severity) (reinstate_incidents_open{shop=~"$shop"}))',
        name: '{{severity}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    stacked: true,
  }),
  course({
    title: 'Their orders, by how they stand',
    description:
      'Open, planned, restoring, unknown (the shop has not answered), restored, left to a person, closed.',
    queries: [
      {
        expr: 'sum by (state) (max by (shop, state) (reinstate_cases{shop=~"$shop"}))',
        name: '{{state}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    stacked: true,
  }),
  comparison({
    title: 'Their orders, by verdict',
    description: 'Cancelled by mistake (wrongful), on purpose (intended), or not known (unsure).',
    queries: [
      {
        expr: 'sum by (verdict) (max by (shop, actor_kind, verdict) (reinstate_cases_judged{shop=~"$shop"}))',
        name: '{{verdict}}',
      },
    ],
    unit: LocaleFormat,
    width: 8,
  }),
];

const restores = [
  comparison({
    title: 'Restores, by how they stand',
    description:
      'The newest run of each open incident. One that waits or has stopped, other than by hand, needs a person.',
    queries: [
      {
        expr: 'sum by (state) (max by (shop, state, reason) (reinstate_restore_runs{shop=~"$shop"}))',
        name: '{{state}}',
      },
    ],
    unit: LocaleFormat,
    width: 6,
    runbook: 'RestoreStopped',
  }),
  course({
    title: 'Orders restored, by what came of the attempts',
    description:
      'Applied, then verified: a restored order shows twice. Refused, retried and failed ones changed nothing in the shop.',
    queries: [
      {
        expr: 'sum by (outcome) (increase(reinstate_restore_items_total{shop=~"$shop"}[$__rate_interval]))',
        name: '{{outcome}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 9,
    stacked: true,
  }),
  comparison({
    title: 'Why orders were not restored',
    description: 'The ten most frequent reasons of attempts in the shown time.',
    queries: [
      {
        expr: 'topk(10, sum by (outcome, reason) (increase(reinstate_restore_items_total{shop=~"$shop",outcome=~"refused|retry|failed"}[$__range])))',
        name: '{{outcome}}: {{reason}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 9,
    yellowFrom: 1,
    runbook: 'RestoreStopped',
  }),
];

const speed = [
  figure({
    title: 'From cancellation to page, 99 of 100 within',
    description:
      'From the commit in the shop to the arrival of the page that tells of the incident.',
    queries: [
      {
        expr: 'histogram_quantile(0.99, sum by (le) (increase(reinstate_page_delay_seconds_bucket[$__range])))',
      },
    ],
    unit: Seconds,
    width: 6,
    yellowFrom: 10,
    redFrom: 120,
    without: 'no page',
    runbook: 'PageNotDelivered',
  }),
  figure({
    title: 'From cancellation to restore, half of them within',
    description: 'For how long customers were without their orders, in the shown time.',
    queries: [
      {
        expr: 'histogram_quantile(0.5, sum by (le) (increase(reinstate_time_to_restore_seconds_bucket{shop=~"$shop"}[$__range])))',
      },
    ],
    unit: Seconds,
    width: 6,
    without: 'nothing restored',
  }),
  figure({
    title: 'From cancellation to restore, 9 of 10 within',
    description: 'The same for the slower ones; the upper end of its bucket.',
    queries: [
      {
        expr: 'histogram_quantile(0.9, sum by (le) (increase(reinstate_time_to_restore_seconds_bucket{shop=~"$shop"}[$__range])))',
      },
    ],
    unit: Seconds,
    width: 6,
    without: 'nothing restored',
  }),
  figure({
    title: 'Restores stopped, other than by hand',
    description:
      'In the shown time: the safeguards ended a run, or an order did not come out right.',
    queries: [
      {
        expr: 'sum(increase(reinstate_restore_run_stops_total{shop=~"$shop",reason!="by-hand"}[$__range]))',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 6,
    redFrom: 1,
    runbook: 'RestoreStopped',
  }),
];

/** For managers: what went wrong, what it costs, and what came back. */
export const incidents: DashboardPlan = {
  uid: 'reinstate-incidents',
  title: 'Incidents: restores, money at risk and recovered',
  description:
    'What went wrong, how much money is at risk, what was restored, and how long it took.',
  from: 'now-24h',
  rows: [
    { title: 'Now', panels: standing },
    { title: 'Money', panels: money },
    { title: 'Incidents and their orders', panels: incidentsAndOrders },
    { title: 'Restores', panels: restores },
    { title: 'How long it takes', panels: speed },
  ],
};
