import {
  BytesIEC,
  LocaleFormat,
  PercentUnit,
  Seconds,
} from '@grafana/grafana-foundation-sdk/units';
import type { DashboardPlan } from './dashboard.js';
import { comparison, course, figure } from './panels.js';

const health = [
  figure({
    title: 'Processes that answer',
    description:
      'Processes of Reinstate whose metrics Prometheus can read. Without one nobody watches the shops.',
    queries: [{ expr: 'sum(up{job="reinstate"})' }],
    unit: LocaleFormat,
    width: 4,
    runbook: 'ReinstateDown',
  }),
  figure({
    title: "Reinstate's own alerts",
    description:
      'Alerts that Reinstate itself raises and that fire, without wrongful cancellations.',
    queries: [
      {
        expr: 'sum(max by (shop, alertname, severity) (reinstate_alerts_firing{shop=~"$shop",alertname!="WrongfulCancellations"}))',
      },
    ],
    unit: LocaleFormat,
    width: 4,
    redFrom: 1,
  }),
  figure({
    title: 'Longest wait of a page',
    description: 'How long the oldest page that is still to be delivered has waited.',
    queries: [
      { expr: 'max(max by (receiver) (reinstate_page_deliveries_oldest_pending_seconds))' },
    ],
    unit: Seconds,
    width: 4,
    yellowFrom: 30,
    redFrom: 120,
    runbook: 'PageNotDelivered',
  }),
  figure({
    title: 'Longest wait of other work',
    description:
      'How long the oldest work has been due that no background step has done; without orders of a restore, which may have to wait.',
    queries: [{ expr: 'max(max by (step) (reinstate_queue_late_seconds{step!="restore-run"}))' }],
    unit: Seconds,
    width: 4,
    yellowFrom: 10,
    redFrom: 60,
    runbook: 'BackgroundWorkLate',
  }),
  figure({
    title: 'Numbers that could not be read',
    description:
      'In the shown time. What is missing in a scrape is blind spots in these dashboards and in the alerts.',
    queries: [{ expr: 'sum(sum by (rows) (increase(reinstate_scrape_failures_total[$__range])))' }],
    unit: LocaleFormat,
    decimals: 0,
    width: 4,
    redFrom: 1,
    runbook: 'MetricsIncomplete',
  }),
  figure({
    title: 'Changes lost at the source',
    description: 'Times in the shown time that a shop gave up its log before it was read.',
    queries: [
      {
        expr: 'sum(sum by (shop) (increase(reinstate_replication_gaps_total{shop=~"$shop"}[$__range])))',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 4,
    redFrom: 1,
    runbook: 'JournalGap',
  }),
];

const streams = [
  comparison({
    title: 'Shops, by how their stream stands',
    description: 'How many of the chosen shops are followed (streaming), and how the others stand.',
    queries: [
      {
        expr: 'sum by (state) (max by (shop, state) (reinstate_replication_state{shop=~"$shop"}))',
        name: '{{state}}',
      },
    ],
    unit: LocaleFormat,
    width: 6,
    runbook: 'IntakeStalled',
  }),
  course({
    title: 'Behind the shop, in time',
    description: 'For how long changes may have waited; up to ten seconds in a quiet shop.',
    queries: [
      {
        expr: 'max by (shop) (reinstate_replication_lag_seconds{shop=~"$shop"})',
        name: '{{shop}}',
      },
    ],
    unit: Seconds,
    width: 6,
    runbook: 'IntakeStalled',
  }),
  course({
    title: 'Behind the shop, in bytes',
    description: 'Write-ahead log that is not journalled yet.',
    queries: [
      {
        expr: 'sum by (shop) (reinstate_replication_lag_bytes{shop=~"$shop"})',
        name: '{{shop}}',
      },
    ],
    unit: BytesIEC,
    width: 6,
    runbook: 'IntakeStalled',
  }),
  course({
    title: "Since the shop's server was last heard",
    description: 'Of shops that are followed.',
    queries: [
      {
        expr: 'min by (shop) (reinstate_replication_seconds_since_message{shop=~"$shop"})',
        name: '{{shop}}',
      },
    ],
    unit: Seconds,
    width: 6,
    without: 'no shop is followed',
    runbook: 'IntakeStalled',
  }),
  course({
    title: 'Log that the shop keeps for us, of what it may',
    description:
      'At 100 % the shop gives up our slot, and changes are lost. 0 where the bound is not known.',
    queries: [
      {
        expr: 'sum by (shop) (reinstate_replication_retained_wal_bytes{shop=~"$shop"}) / (sum by (shop) (reinstate_replication_wal_bound_bytes{shop=~"$shop"}) > 0) or 0 * sum by (shop) (reinstate_replication_wal_bound_bytes{shop=~"$shop"})',
        name: '{{shop}}',
      },
    ],
    unit: PercentUnit,
    width: 12,
    redFrom: 0.5,
    runbook: 'SlotNearBound',
  }),
  course({
    title: 'Changes kept until a shop fits its profile again',
    description: "They are kept unread in Reinstate's own database. 0 while the profile fits.",
    queries: [
      {
        expr: 'sum by (shop) (reinstate_replication_spool_bytes{shop=~"$shop"})',
        name: '{{shop}}',
      },
    ],
    unit: BytesIEC,
    width: 12,
    runbook: 'MappingMismatch',
  }),
];

const work = [
  course({
    title: 'Work that is due',
    description: 'Rows that wait for their background step; counted up to 10,000.',
    queries: [{ expr: 'max by (step) (reinstate_queue_due)', name: '{{step}}' }],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    runbook: 'BackgroundWorkLate',
  }),
  course({
    title: 'Batches that failed',
    description: 'By background step; each is tried again.',
    queries: [
      {
        expr: 'sum by (step) (increase(reinstate_step_runs_total{outcome="failed"}[$__rate_interval]))',
        name: '{{step}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    runbook: 'BackgroundWorkLate',
  }),
  course({
    title: 'How long a batch takes, 99 of 100 within',
    description: 'By background step. A step that had nothing to do has no line.',
    queries: [
      {
        expr: 'histogram_quantile(0.99, sum by (step, le) (rate(reinstate_step_duration_seconds_bucket[$__rate_interval])))',
        name: '{{step}}',
      },
    ],
    unit: Seconds,
    width: 8,
    runbook: 'BackgroundWorkLate',
  }),
];

const pages = [
  course({
    title: 'Pages to be delivered',
    description: 'How many pages wait for each receiver, a chat or an address.',
    queries: [
      { expr: 'max by (receiver) (reinstate_page_deliveries_pending)', name: '{{receiver}}' },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    runbook: 'PageNotDelivered',
  }),
  course({
    title: 'Attempts to deliver, by what came of them',
    description: 'Delivered, or why not; "gave-up" where no further attempt follows.',
    queries: [
      {
        expr: 'sum by (outcome) (increase(reinstate_page_deliveries_total[$__rate_interval]))',
        name: '{{outcome}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    stacked: true,
    runbook: 'PageNotDelivered',
  }),
  course({
    title: 'Rows that could not be worked on',
    description: 'Findings, alerts, incidents and pages; each is tried again.',
    queries: [
      {
        expr: 'sum by (row) (increase(reinstate_alerting_failures_total[$__rate_interval]))',
        name: 'alerting: {{row}}',
      },
      {
        expr: 'sum by (row) (increase(reinstate_incidents_failures_total[$__rate_interval]))',
        name: 'incidents: {{row}}',
      },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 8,
    runbook: 'BackgroundWorkLate',
  }),
];

const processes = [
  course({
    title: 'Memory',
    description: 'Resident memory of each process.',
    queries: [{ expr: 'process_resident_memory_bytes{job="reinstate"}', name: '{{instance}}' }],
    unit: BytesIEC,
    width: 6,
  }),
  course({
    title: 'Processor time',
    description: 'Of each process; 100 % is one processor.',
    queries: [
      {
        expr: 'rate(process_cpu_seconds_total{job="reinstate"}[$__rate_interval])',
        name: '{{instance}}',
      },
    ],
    unit: PercentUnit,
    width: 6,
  }),
  course({
    title: 'Event loop, 99 of 100 turns within',
    description:
      "How long a turn of the runtime's event loop takes: what is above a tenth of a second delays everything.",
    queries: [{ expr: 'nodejs_eventloop_lag_p99_seconds{job="reinstate"}', name: '{{instance}}' }],
    unit: Seconds,
    width: 6,
    redFrom: 0.1,
  }),
  course({
    title: 'Restarts',
    description: 'Starts of each process within the last hour, after the first.',
    queries: [
      { expr: 'changes(process_start_time_seconds{job="reinstate"}[1h])', name: '{{instance}}' },
    ],
    unit: LocaleFormat,
    decimals: 0,
    width: 6,
  }),
];

/** Whether Reinstate itself is well. */
export const reinstate: DashboardPlan = {
  uid: 'reinstate-itself',
  title: 'Reinstate itself',
  description: 'Whether Reinstate is well: streams, background work, pages, processes.',
  from: 'now-6h',
  rows: [
    { title: 'Now', panels: health },
    { title: 'Following the shops', panels: streams },
    { title: 'Background work', panels: work },
    { title: 'Telling people', panels: pages },
    { title: 'Processes', panels: processes },
  ],
};
