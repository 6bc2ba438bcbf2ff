import { Module, type DynamicModule } from '@nestjs/common';
import { ChangeMarkController } from './change-mark.controller.js';
import { ChangeMarkService } from './change-mark.service.js';
import { ChangeMarkStore } from './change-mark.store.js';
import { DetectionMetrics } from './detection.metrics.js';
import { DetectionRowMetrics } from './detection-rows.metrics.js';
import { DetectionSettings } from './detection.settings.js';
import { DetectionStep } from './detection.step.js';
import { DetectionStores } from './detection.stores.js';
import { DetectorSchool } from './detector-school.js';
import { DetectorStateStore } from './detector-state.store.js';
import { FindingController } from './finding.controller.js';
import { FindingService } from './finding.service.js';
import { FindingStore } from './finding.store.js';
import { HistoryStore } from './history.store.js';
import { ShopWatch } from './shop-watch.js';
import { StreamTimeStore } from './stream-time.store.js';
import { WatchedShops } from './watched-shops.js';

/** Watches the journals of all shops for wrongful cancellations. Needs JournalModule, AccessModule and ShopRegistry. */
@Module({})
export class DetectionModule {
  static with(parts: { settings: DetectionSettings }): DynamicModule {
    return {
      module: DetectionModule,
      controllers: [ChangeMarkController, FindingController],
      providers: [
        { provide: DetectionSettings, useValue: parts.settings },
        ChangeMarkService,
        ChangeMarkStore,
        DetectionMetrics,
        DetectionRowMetrics,
        DetectionStep,
        DetectionStores,
        DetectorSchool,
        DetectorStateStore,
        FindingService,
        FindingStore,
        HistoryStore,
        ShopWatch,
        StreamTimeStore,
        WatchedShops,
      ],
      exports: [DetectionStep, ChangeMarkService, FindingService],
    };
  }
}
