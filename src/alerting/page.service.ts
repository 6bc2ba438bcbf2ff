import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database/database.js';
import { AlertingSettings } from './alerting.settings.js';
import type { NewPage } from './page.js';
import { PageStore } from './page.store.js';

/**
 * Pages the people on call. A page is written in the caller's transaction, so that it exists exactly
 * when the event that pages does; the step `page-delivery` sends it to every configured receiver, at
 * least once each (a receiver can tell a repetition by the page's id).
 */
@Injectable()
export class PageService {
  constructor(
    private readonly store: PageStore,
    private readonly settings: AlertingSettings,
  ) {}

  /** Writes the page down; its id, or undefined where a page of this dedupe key exists already. */
  async enqueue(transaction: Transaction, page: NewPage): Promise<string | undefined> {
    const receivers = [...new Set(this.settings.receivers.map((receiver) => receiver.name))];
    return this.store.add(transaction, page, receivers);
  }
}
