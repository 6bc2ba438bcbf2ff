import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { AlertingSettings } from './alerting.settings.js';
import { deliveryFailures, type DeliveryFailure } from './notifiers/notifier.js';
import { notifierNameOf } from './notifiers/notifiers.js';

/** What an attempt can end in; `gave-up` is counted besides the reason of the last attempt. */
const outcomes = ['delivered', ...deliveryFailures, 'gave-up'] as const;
type Outcome = 'delivered' | DeliveryFailure | 'gave-up';

/** What a background step of this room works on, row by row. */
const rowKinds = ['finding', 'stream'] as const;

/** A page that has arrived. */
interface Arrived {
  readonly createdAt: Date;
  /** when the shop committed what it is the first to tell of */
  readonly committedAt: Date | null;
  readonly now: Date;
}

/**
 * `reinstate_page_deliveries_total{receiver,notifier,outcome}` (attempts),
 * `reinstate_page_delivery_duration_seconds{receiver,notifier}`, `reinstate_page_delay_seconds{receiver,notifier}`
 * and `reinstate_alerting_failures_total{row}`. Receivers are those of the configuration.
 */
@Injectable()
export class AlertingMetrics {
  private readonly deliveries: Counter<'receiver' | 'notifier' | 'outcome'>;
  private readonly duration: Histogram<'receiver' | 'notifier'>;
  private readonly delay: Histogram<'receiver' | 'notifier'>;
  private readonly failures: Counter<'row'>;
  private readonly receivers: ReadonlyMap<string, { receiver: string; notifier: string }>;

  constructor(registry: Registry, settings: AlertingSettings) {
    const registers = [registry];
    this.deliveries = new Counter({
      name: 'reinstate_page_deliveries_total',
      help: 'Attempts to deliver a page, by receiver and outcome.',
      labelNames: ['receiver', 'notifier', 'outcome'],
      registers,
    });
    this.duration = new Histogram({
      name: 'reinstate_page_delivery_duration_seconds',
      help: 'From the writing of a page to its arrival at a receiver, all attempts included.',
      labelNames: ['receiver', 'notifier'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200],
      registers,
    });
    this.delay = new Histogram({
      name: 'reinstate_page_delay_seconds',
      help: 'From the commit of the cancellation that made a finding to the arrival of the page that tells of its incident.',
      labelNames: ['receiver', 'notifier'],
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200],
      registers,
    });
    this.failures = new Counter({
      name: 'reinstate_alerting_failures_total',
      help: 'Times that a finding or a stream could not be made into alerts; it is tried again.',
      labelNames: ['row'],
      registers,
    });
    for (const row of rowKinds) this.failures.inc({ row }, 0);
    this.receivers = new Map(
      settings.receivers.map((config) => [
        config.name,
        { receiver: config.name, notifier: notifierNameOf(config) },
      ]),
    );
    for (const labels of this.receivers.values()) this.zero(labels);
  }

  /** A row could not be worked on; the others were. */
  rowFailed(row: (typeof rowKinds)[number]): void {
    this.failures.inc({ row });
  }

  /** A receiver that left the configuration has no series of its own. */
  attempted(receiver: string, outcome: Outcome): void {
    const labels = this.receivers.get(receiver);
    if (labels !== undefined) this.deliveries.inc({ ...labels, outcome });
  }

  arrived(receiver: string, { createdAt, committedAt, now }: Arrived): void {
    const labels = this.receivers.get(receiver);
    if (labels === undefined) return;
    this.duration.observe(labels, secondsBetween(createdAt, now));
    if (committedAt !== null) this.delay.observe(labels, secondsBetween(committedAt, now));
  }

  private zero(labels: { receiver: string; notifier: string }): void {
    for (const outcome of outcomes) this.deliveries.inc({ ...labels, outcome }, 0);
    this.duration.zero(labels);
    this.delay.zero(labels);
  }
}

/** A clock that is ahead of ours makes it 0. */
function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1000);
}
