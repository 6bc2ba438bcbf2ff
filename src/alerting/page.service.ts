import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database/database.js';
import { Wake } from '../platform/work/wake.js';
import { AlertingSettings } from './alerting.settings.js';
import type { NewPage, PageDelivery } from './page.js';
import { PageStore } from './page.store.js';

/** The step that sends what is written here. */
export const pageDeliveryStep = 'page-delivery';

/**
 * Pages the people on call. A page is written in the caller's transaction, so that it exists exactly
 * when the event that pages does; the step `page-delivery` sends it to every configured receiver, at
 * least once each (a receiver can tell a repetition by the page's id), and begins as soon as it is committed.
 */
@Injectable()
export class PageService {
  constructor(
    private readonly store: PageStore,
    private readonly settings: AlertingSettings,
    private readonly wake: Wake,
  ) {}

  /** Writes the page down; its id, or undefined where a page of this dedupe key exists already. */
  async enqueue(transaction: Transaction, page: NewPage): Promise<string | undefined> {
    return this.add(transaction, page, this.receivers());
  }

  /**
   * Tells every other receiver of a page that one of them will never get: a lost page is itself an alarm.
   * The loss of such a message is told to nobody: it would go round in circles.
   */
  async enqueueLoss(transaction: Transaction, lost: LostPage): Promise<void> {
    const { delivery, now } = lost;
    const others = this.receivers().filter((name) => name !== delivery.receiver);
    if (others.length === 0 || delivery.body.kind === lostKind) return;
    const page: NewPage = {
      dedupeKey: `page-lost:${delivery.id}`,
      incidentId: delivery.incidentId,
      firstLine: `Receiver “${delivery.receiver}” did not get this page: ${delivery.firstLine}`,
      body: {
        kind: lostKind,
        severity: delivery.body.severity,
        details: [`Given up after ${delivery.attempt} attempt(s): ${lost.error}`],
        data: { pageId: delivery.pageId, receiver: delivery.receiver },
      },
      now,
    };
    await this.add(transaction, page, others);
  }

  private async add(
    transaction: Transaction,
    page: NewPage,
    receivers: readonly string[],
  ): Promise<string | undefined> {
    const id = await this.store.add(transaction, onOneLine(page), receivers);
    // whatever else its writer has to do, nobody waits for it with the page
    if (id !== undefined) transaction.afterCommit(() => this.wake.notify(pageDeliveryStep));
    return id;
  }

  private receivers(): string[] {
    return [...new Set(this.settings.receivers.map((receiver) => receiver.name))];
  }
}

/** A delivery that was given up, and why. */
export interface LostPage {
  readonly delivery: PageDelivery;
  readonly error: string;
  readonly now: Date;
}

const lostKind = 'page-lost';

/** It becomes a mail's subject and a notice on a phone: whatever names the shop's rows hold, it is one line. */
function onOneLine(page: NewPage): NewPage {
  return { ...page, firstLine: page.firstLine.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim() };
}
