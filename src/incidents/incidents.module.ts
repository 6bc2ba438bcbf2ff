import { Module } from '@nestjs/common';
import { AlertIntakeService } from './alert-intake.service.js';
import { AlikeService } from './alike/alike.service.js';
import { AlikeStore } from './alike/alike.store.js';
import { AnnouncementController } from './announcements/announcement.controller.js';
import { AnnouncementService } from './announcements/announcement.service.js';
import { AnnouncementStore } from './announcements/announcement.store.js';
import { CaseController } from './case.controller.js';
import { CaseService } from './case.service.js';
import { CaseStore } from './case.store.js';
import { DeclarationService } from './declaration.service.js';
import { DeclaredIncidentService } from './declared-incident.service.js';
import { GrowthStore } from './growth.store.js';
import { IncidentDeliveryStore } from './incident-delivery.store.js';
import { IncidentController } from './incident.controller.js';
import { IncidentEnds } from './incident-ends.js';
import { IncidentFollowService } from './incident-follow.service.js';
import { IncidentPagesStep } from './incident-pages.step.js';
import { IncidentProgressService } from './incident-progress.service.js';
import { IncidentRowMetrics } from './incident-rows.metrics.js';
import { IncidentService } from './incident.service.js';
import { IncidentStore } from './incident.store.js';
import { IncidentViewService } from './incident-view.service.js';
import { IncidentsMetrics } from './incidents.metrics.js';
import { IncidentsStep } from './incidents.step.js';
import { OrderAsOfService } from './order-as-of.service.js';
import { OrderAsOfStore } from './order-as-of.store.js';
import { OrderFinder } from './order-finder.service.js';
import { OrderNameStore } from './order-name.store.js';
import { OrderController } from './order.controller.js';
import { OrderService } from './order.service.js';
import { ResolveGates } from './resolve-gate.js';
import { TimelineService } from './timeline.service.js';
import { TimelineStore } from './timeline.store.js';
import { JournalReach } from './verdict/journal-reach.js';
import { JudgingService } from './verdict/judging.service.js';
import { JudgingStore } from './verdict/judging.store.js';

/**
 * Incidents, their cases and timelines, verdicts and announcements. Needs PlatformModule, AccessModule,
 * JournalModule, the shops' registry and AlertingModule.
 */
@Module({
  controllers: [IncidentController, CaseController, OrderController, AnnouncementController],
  providers: [
    AlertIntakeService,
    AlikeService,
    AlikeStore,
    AnnouncementService,
    AnnouncementStore,
    CaseService,
    CaseStore,
    DeclarationService,
    DeclaredIncidentService,
    GrowthStore,
    IncidentDeliveryStore,
    IncidentEnds,
    IncidentFollowService,
    IncidentPagesStep,
    IncidentProgressService,
    IncidentRowMetrics,
    IncidentService,
    IncidentStore,
    IncidentViewService,
    IncidentsMetrics,
    IncidentsStep,
    JournalReach,
    JudgingService,
    JudgingStore,
    OrderAsOfService,
    OrderAsOfStore,
    OrderFinder,
    OrderNameStore,
    OrderService,
    ResolveGates,
    TimelineService,
    TimelineStore,
  ],
  exports: [
    AnnouncementService,
    CaseService,
    CaseStore,
    IncidentService,
    IncidentStore,
    IncidentPagesStep,
    IncidentsStep,
    ResolveGates,
    TimelineService,
  ],
})
export class IncidentsModule {}
