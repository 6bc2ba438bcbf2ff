import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { AlertController } from './alert.controller.js';
import { AlertService } from './alert.service.js';
import { AlertStore } from './alert.store.js';
import { AlertingRowMetrics } from './alerting-rows.metrics.js';
import { AlertingMetrics } from './alerting.metrics.js';
import { AlertingSettings } from './alerting.settings.js';
import { AlertingStep } from './alerting.step.js';
import { Notifiers } from './notifiers/notifiers.js';
import { PageController } from './page.controller.js';
import { PageDeliveryStep } from './page-delivery.step.js';
import { PageService } from './page.service.js';
import { PageViewService } from './page-view.service.js';
import { PageStore } from './page.store.js';
import { StreamAlertStep } from './streams/stream-alert.step.js';
import { StreamAlertStore } from './streams/stream-alert.store.js';

/** Alerts and pages. Needs PlatformModule, AccessModule and the shops' registry. */
@Module({})
export class AlertingModule {
  static with(parts: ConstructorParameters<typeof AlertingSettings>[0]): DynamicModule {
    if (parts.receivers.length === 0)
      new Logger('Pages').warn(
        'no receivers are configured: incidents are opened, but nobody is paged',
      );
    const exported = [
      AlertingStep,
      StreamAlertStep,
      PageDeliveryStep,
      PageService,
      PageViewService,
      AlertService,
    ];
    return {
      module: AlertingModule,
      global: true,
      controllers: [AlertController, PageController],
      providers: [
        ...exported,
        AlertStore,
        StreamAlertStore,
        PageStore,
        Notifiers,
        AlertingMetrics,
        AlertingRowMetrics,
        { provide: AlertingSettings, useValue: new AlertingSettings(parts) },
      ],
      exports: exported,
    };
  }
}
