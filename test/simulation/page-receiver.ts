import type { DeliveryResult, Notifier } from '../../src/alerting/notifiers/notifier.js';
import type { PageDelivery } from '../../src/alerting/page.js';
import type { Trace } from './trace.js';

/** Where pages go. It may be away, or answer too late although it has the page. */
export class PageReceiver implements Notifier {
  readonly receiver = 'chat';
  /** pages that arrived, as often as they did, by the page's id */
  readonly arrived: string[] = [];
  private mood: 'well' | 'away' | 'silent' = 'well';

  constructor(private readonly trace: Trace) {}

  set(mood: PageReceiver['mood']): void {
    this.mood = mood;
  }

  heal(): void {
    this.mood = 'well';
  }

  send(delivery: PageDelivery): Promise<DeliveryResult> {
    this.trace.say(`    page to chat (${this.mood}): ${delivery.body.kind}`);
    if (this.mood !== 'away') this.arrived.push(delivery.pageId);
    return Promise.resolve(
      this.mood === 'well'
        ? { outcome: 'delivered', note: null }
        : { outcome: 'failed', reason: 'timeout', retry: true, detail: 'no answer in time' },
    );
  }

  close(): void {
    this.mood = 'well';
  }
}
