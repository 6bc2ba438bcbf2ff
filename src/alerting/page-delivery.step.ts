import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { messageOf } from '../platform/errors.js';
import { Log } from '../platform/telemetry/log.js';
import { failed, inSpan } from '../platform/telemetry/tracing/span.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { AlertingMetrics } from './alerting.metrics.js';
import { AlertingSettings } from './alerting.settings.js';
import { afterAttempt } from './delivery.js';
import type { DeliveryResult } from './notifiers/notifier.js';
import { Notifiers } from './notifiers/notifiers.js';
import type { PageDelivery } from './page.js';
import { pageDeliveryStep, PageService } from './page.service.js';
import { PageStore, type DeliveryState } from './page.store.js';

/** Sent side by side: a receiver that does not answer then costs the others one time-out, not sixteen. */
const batch = 16;
/** Longer than any attempt takes; after it a delivery whose sender died is due again. */
const leaseMs = 60_000;

/**
 * Delivers pages to their receivers, at least once each. Claimed, sent outside any transaction, noted:
 * a crash in between sends the page again a minute later, and the receiver can tell by the page's id.
 */
@Injectable()
export class PageDeliveryStep implements BackgroundStep {
  readonly name = pageDeliveryStep;
  readonly intervalMs = 1_000;
  private readonly log = new Log('Pages');

  constructor(
    private readonly database: Database,
    private readonly store: PageStore,
    private readonly pages: PageService,
    private readonly notifiers: Notifiers,
    private readonly settings: AlertingSettings,
    private readonly metrics: AlertingMetrics,
    private readonly clock: Clock,
  ) {}

  async run({ now }: StepContext): Promise<'idle' | 'more'> {
    const leaseEndsAt = new Date(now.getTime() + leaseMs);
    const claimed = await this.store.claim(this.database, { now, leaseEndsAt, limit: batch });
    const ends = await Promise.allSettled(claimed.map((delivery) => this.deliver(delivery)));
    for (const end of ends) if (end.status === 'rejected') this.unrecorded(end.reason);
    return claimed.length === batch ? 'more' : 'idle';
  }

  private async deliver(delivery: PageDelivery): Promise<void> {
    const { receiver, pageId, incidentId, attempt } = delivery;
    const attributes = {
      'reinstate.receiver': receiver,
      'reinstate.page.id': pageId,
      'reinstate.page.attempt': attempt,
      ...(incidentId !== null && { 'reinstate.incident.id': incidentId }),
    };
    await inSpan({ name: 'deliver page', kind: 'client', attributes }, async (span) => {
      const result = await this.attempt(delivery);
      if (result.outcome === 'failed') failed(span, result.reason);
      await this.conclude(delivery, result);
    });
  }

  private async conclude(delivery: PageDelivery, result: DeliveryResult): Promise<void> {
    const outcome = afterAttempt(result, {
      count: delivery.attempt,
      createdAt: delivery.createdAt,
      now: this.clock.now(),
      random: Math.random(),
    });
    await this.record(delivery, outcome);
    this.tell(delivery, result, outcome);
  }

  private async record(delivery: PageDelivery, outcome: DeliveryState): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const isNews = await this.store.record(transaction, delivery, outcome);
      if (isNews && outcome.state === 'delivered')
        transaction.afterCommit(() =>
          this.metrics.arrived(delivery.receiver, { ...delivery, now: outcome.at }),
        );
      if (!isNews || outcome.state !== 'failed') return;
      const { error } = outcome;
      await this.pages.enqueueLoss(transaction, { delivery, error, now: this.clock.now() });
    });
  }

  /** What an attempt came to could not be written down: it is made again when its lease has run out. */
  private unrecorded(error: unknown): void {
    this.log.error(
      { event: 'page-outcome-not-kept' },
      `the outcome of a page could not be written down: ${messageOf(error)}`,
    );
  }

  private async attempt(delivery: PageDelivery): Promise<DeliveryResult> {
    const notifier = this.notifiers.get(delivery.receiver);
    if (notifier === undefined)
      return {
        outcome: 'failed',
        reason: 'receiver-unknown',
        retry: false,
        detail: 'not in the configuration any more',
      };
    const { incidentId } = delivery;
    const incidentUrl =
      incidentId === null ? null : this.settings.apiUrl(`incidents/${incidentId}`);
    return notifier.send(delivery, { now: this.clock.now(), incidentUrl });
  }

  private tell(delivery: PageDelivery, result: DeliveryResult, outcome: DeliveryState): void {
    const { receiver } = delivery;
    this.metrics.attempted(receiver, result.outcome === 'delivered' ? 'delivered' : result.reason);
    this.line(delivery, result, outcome);
    if (outcome.state === 'failed') this.metrics.attempted(receiver, 'gave-up');
  }

  /** What a receiver answered may be anything: the reason is from a closed list, and it is what is logged. */
  private line(delivery: PageDelivery, result: DeliveryResult, outcome: DeliveryState): void {
    const { pageId, incidentId, receiver, attempt, body } = delivery;
    const about = { page_id: pageId, incident_id: incidentId, receiver, attempt, kind: body.kind };
    const reason = result.outcome === 'delivered' ? null : result.reason;
    switch (outcome.state) {
      case 'delivered':
        this.log.info({ event: 'page-delivered', ...about }, `page delivered to "${receiver}"`);
        return;
      case 'failed':
        this.log.error(
          { event: 'page-lost', ...about, reason },
          `the page does not reach "${receiver}"`,
        );
        return;
      case 'pending':
        this.log.warn(
          { event: 'page-attempt-failed', ...about, reason },
          `the page did not reach "${receiver}" yet; it is tried again`,
        );
    }
  }
}
