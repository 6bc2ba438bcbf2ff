import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { ReceiverConfig } from '../../config/config.schema.js';
import { AlertingSettings } from '../alerting.settings.js';
import { EmailNotifier } from './email.js';
import type { Notifier } from './notifier.js';
import { WebhookNotifier } from './webhook.js';

/** The configured receivers of pages, by name. */
@Injectable()
export class Notifiers implements OnModuleDestroy {
  private readonly byReceiver: ReadonlyMap<string, Notifier>;

  constructor(settings: AlertingSettings) {
    this.byReceiver = new Map(
      settings.receivers.map((config) => [config.name, notifierOf(config)]),
    );
  }

  get(receiver: string): Notifier | undefined {
    return this.byReceiver.get(receiver);
  }

  onModuleDestroy(): void {
    for (const notifier of this.byReceiver.values()) notifier.close();
  }
}

/** How a receiver is reached: closed list, also the metrics' label. */
export function notifierNameOf(config: ReceiverConfig): 'webhook' | 'email' {
  return 'webhook' in config ? 'webhook' : 'email';
}

function notifierOf(config: ReceiverConfig): Notifier {
  return 'webhook' in config
    ? new WebhookNotifier(config.name, config.webhook)
    : new EmailNotifier(config.name, config.email);
}
