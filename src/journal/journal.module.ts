import { Module, type DynamicModule } from '@nestjs/common';
import { JournalMetrics } from './journal.metrics.js';
import { JournalPartitionsStep } from './journal-partitions.step.js';
import { JournalService } from './journal.service.js';
import { JournalStore } from './journal.store.js';
import { OrderHistory } from './order-history.service.js';
import { OrderHistoryStore } from './order-history.store.js';
import { PersonalData, ServiceKey } from './personal-data.js';
import { PersonalErasureController } from './personal-erasure.controller.js';
import { PersonalErasureService } from './personal-erasure.service.js';
import { PersonalKeyStore } from './personal-key.store.js';
import { RowImageStore } from './row-image.store.js';
import { UnreadData } from './unread-data.js';

@Module({})
export class JournalModule {
  static with(parts: { serviceKey: ServiceKey }): DynamicModule {
    const exported = [
      JournalService,
      OrderHistory,
      RowImageStore,
      PersonalData,
      UnreadData,
      JournalPartitionsStep,
    ];
    return {
      module: JournalModule,
      global: true,
      controllers: [PersonalErasureController],
      providers: [
        ...exported,
        JournalMetrics,
        JournalStore,
        OrderHistoryStore,
        PersonalErasureService,
        PersonalKeyStore,
        { provide: ServiceKey, useValue: parts.serviceKey },
      ],
      exports: exported,
    };
  }
}
