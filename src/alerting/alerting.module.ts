import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { AlertController } from './alert.controller.js';
import { AlertService } from './alert.service.js';
import { AlertStore } from './alert.store.js';
import { AlertingMetrics } from './alerting.metrics.js';
import { AlertingSettings } from './alerting.settings.js';
import { AlertingStep } from './alerting.step.js';
import { Notifiers } from './notifiers/notifiers.js';
import { PageDeliveryStep } from './page-delivery.step.js';
import { PageService } from './page.service.js';
import { PageStore } from './page.store.js';
import { RunbookController } from './runbook.controller.js';

/** Alerts and pages. Needs PlatformModule and AccessModule. */
@Module({})
export class AlertingModule {
  static with(parts: ConstructorParameters<typeof AlertingSettings>[0]): DynamicModule {
    if (parts.receivers.length === 0)
      new Logger('Pages').warn(
        'no receivers are configured: incidents are opened, but nobody is paged',
      );
    const exported = [AlertingStep, PageDeliveryStep, PageService, AlertService];
    return {
      module: AlertingModule,
      global: true,
      controllers: [AlertController, RunbookController],
      providers: [
        ...exported,
        AlertStore,
        PageStore,
        Notifiers,
        AlertingMetrics,
        { provide: AlertingSettings, useValue: new AlertingSettings(parts) },
      ],
      exports: exported,
    };
  }
}
