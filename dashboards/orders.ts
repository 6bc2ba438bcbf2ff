import { LocaleFormat, PercentUnit, Seconds } from '@grafana/grafana-foundation-sdk/units';
import type { DashboardPlan } from './dashboard.js';
import { comparison, course, figure } from './panels.js';

const now = [
  figure({
    title: 'Orders placed in the last hour',
    description: 'As the journal tells, in the chosen shops.',
    queries: [
      {
        expr: 'sum(max by (shop) (increase(reinstate_orders_placed_total{shop=~"$shop"}[1h])))',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 5,
  }),
  figure({
    title: 'Orders cancelled in the last hour',
    description: 'By whomever; without carts that were given up.',
    queries: [
      {
        expr: 'sum(max by (shop, actor_kind) (increase(reinstate_orders_cancelled_total{shop=~"$shop"}[1h])))',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 5,
  }),
  figure({
    title: 'Cancelled for each order placed, last hour',
    description:
      'Above 100 % more orders are cancelled than placed. What is usual differs from shop to shop: compare with the same hour of other days.',
    queries: [
      {
        expr: 'sum(max by (shop, actor_kind) (increase(reinstate_orders_cancelled_total{shop=~"$shop"}[1h]))) / clamp_min(sum(max by (shop) (increase(reinstate_orders_placed_total{shop=~"$shop"}[1h]))), 1)',
      },
    ],
    unit: PercentUnit,
    decimals: 1,
    width: 5,
  }),
  figure({
    title: 'Judged wrongful in the last hour',
    description:
      'Cancelled orders of incidents that were found to be cancelled by mistake, by detection or by a person.',
    queries: [
      {
        expr: 'sum(max by (shop, actor_kind, verdict) (increase(reinstate_orders_judged_total{shop=~"$shop",verdict="wrongful"}[1h])))',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 5,
    redFrom: 1,
    runbook: 'WrongfulCancellations',
  }),
  figure({
    title: 'Wrongful cancellations going on',
    description: 'Alerts that fire because orders are cancelled that should not be.',
    queries: [
      {
        expr: 'sum(max by (shop, severity) (reinstate_alerts_firing{shop=~"$shop",alertname="WrongfulCancellations"}))',
      },
    ],
    unit: LocaleFormat,
    width: 4,
    redFrom: 1,
    runbook: 'WrongfulCancellations',
  }),
];

const flow = [
  course({
    title: 'Orders placed a minute',
    description: 'By shop. A shop that stands still at an hour at which it usually sells is news.',
    queries: [
      {
        expr: '60 * max by (shop) (rate(reinstate_orders_placed_total{shop=~"$shop"}[$__rate_interval]))',
        name: '{{shop}}',
      },
    ],
    unit: 'suffix: /min',
    width: 12,
  }),
  course({
    title: 'Orders cancelled a minute, by who did it',
    description:
      'Customers, staff, jobs, API keys, or unknown. A band that grows by itself, above all of a job, is how a failure looks.',
    queries: [
      {
        expr: '60 * sum by (actor_kind) (max by (shop, actor_kind) (rate(reinstate_orders_cancelled_total{shop=~"$shop"}[$__rate_interval])))',
        name: '{{actor_kind}}',
      },
    ],
    unit: 'suffix: /min',
    width: 12,
    stacked: true,
    runbook: 'WrongfulCancellations',
  }),
];

const judged = [
  course({
    title: 'Verdicts on cancelled orders',
    description:
      'Verdicts given within each interval on orders of incidents; one that is given another verdict counts again.',
    queries: [
      {
        expr: 'sum by (verdict) (max by (shop, actor_kind, verdict) (increase(reinstate_orders_judged_total{shop=~"$shop"}[$__rate_interval])))',
        name: '{{verdict}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 12,
    stacked: true,
  }),
  comparison({
    title: 'Who cancelled what was wrong',
    description: 'Orders judged wrongful in the shown time, by who had cancelled them.',
    queries: [
      {
        expr: 'sum by (actor_kind) (max by (shop, actor_kind, verdict) (increase(reinstate_orders_judged_total{shop=~"$shop",verdict="wrongful"}[$__range])))',
        name: '{{actor_kind}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 12,
    redFrom: 1,
  }),
];

const noticed = [
  figure({
    title: 'From cancellation to finding, half of them within',
    description:
      'From the commit of the cancellation in the shop, by its clock, over the shown time. Empty where nothing was found.',
    queries: [
      {
        expr: 'histogram_quantile(0.5, sum by (le) (increase(reinstate_detection_delay_seconds_bucket{shop=~"$shop"}[$__range])))',
      },
    ],
    unit: Seconds,
    width: 6,
    height: 8,
    without: 'nothing found',
  }),
  figure({
    title: 'From cancellation to finding, 99 of 100 within',
    description: 'The same for the slowest; the upper end of its bucket.',
    queries: [
      {
        expr: 'histogram_quantile(0.99, sum by (le) (increase(reinstate_detection_delay_seconds_bucket{shop=~"$shop"}[$__range])))',
      },
    ],
    unit: Seconds,
    width: 6,
    height: 8,
    without: 'nothing found',
    yellowFrom: 5,
    redFrom: 60,
    runbook: 'BackgroundWorkLate',
  }),
  course({
    title: 'Findings',
    description: 'Runs of wrongful cancellations that detection has found, by shop and detector.',
    queries: [
      {
        expr: 'sum by (shop, detector) (increase(reinstate_findings_total{shop=~"$shop"}[$__rate_interval]))',
        name: '{{shop}} {{detector}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 12,
    runbook: 'WrongfulCancellations',
  }),
];

const intake = [
  course({
    title: 'Changes journalled, by kind',
    description: 'What replication brings of the chosen shops; a change may be of several kinds.',
    queries: [
      {
        expr: 'sum by (kind) (rate(reinstate_journal_entries_total{shop=~"$shop"}[$__rate_interval]))',
        name: '{{kind}}',
      },
    ],
    unit: 'suffix: /s',
    width: 12,
    stacked: true,
    runbook: 'IntakeStalled',
  }),
  course({
    title: 'Order events told by HTTP, by what became of them',
    description: 'Of all shops, whatever shop is chosen: kept, repeated, or why they were refused.',
    queries: [
      {
        expr: 'sum by (outcome) (rate(reinstate_order_events_total[$__rate_interval]))',
        name: '{{outcome}}',
      },
    ],
    unit: 'suffix: /s',
    width: 12,
    stacked: true,
  }),
];

/** How orders come and go, and what of it is wrong. */
export const orders: DashboardPlan = {
  uid: 'reinstate-orders',
  title: 'Orders: flow and cancellations',
  description: 'How orders come and go in the shops, who cancels them, and what of it is wrong.',
  from: 'now-6h',
  rows: [
    { title: 'Now', panels: now },
    { title: 'Flow', panels: flow },
    { title: 'Verdicts', panels: judged },
    { title: 'How soon it is noticed', panels: noticed },
    { title: 'What comes in', panels: intake },
  ],
};
