import { resolve } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { IdempotencySweepStep } from './access/idempotency-sweep.step.js';
import { AlertingModule } from './alerting/alerting.module.js';
import { AlertingStep } from './alerting/alerting.step.js';
import { PageDeliveryStep } from './alerting/page-delivery.step.js';
import { StreamAlertStep } from './alerting/streams/stream-alert.step.js';
import type { Config } from './config/config.schema.js';
import { DetectionModule } from './detection/detection.module.js';
import { DetectionSettings } from './detection/detection.settings.js';
import { DetectionStep } from './detection/detection.step.js';
import { IncidentPagesStep } from './incidents/incident-pages.step.js';
import { IncidentsModule } from './incidents/incidents.module.js';
import { IncidentsStep } from './incidents/incidents.step.js';
import { ResolveGates } from './incidents/resolve-gate.js';
import { OrderEventSettings } from './intake/http/order-event.settings.js';
import { OrderEventsModule } from './intake/http/order-events.module.js';
import { ReplicationModule } from './intake/replication/replication.module.js';
import { ReplicationSettings } from './intake/replication/replication.settings.js';
import { ReplicationInspectionStep } from './intake/replication/stream-keeper.js';
import { JournalPartitionsStep } from './journal/journal-partitions.step.js';
import { JournalModule } from './journal/journal.module.js';
import type { ServiceKey } from './journal/personal-data.js';
import type { Clock } from './platform/clock.js';
import type { Database } from './platform/database/database.js';
import { PlatformModule } from './platform/platform.module.js';
import type { BackgroundStep } from './platform/work/background-step.js';
import { RunbooksModule } from './runbooks/runbooks.module.js';
import { RunbookRunsEndedGate } from './runbooks/runs/runbook-runs-ended.gate.js';
import { RunbookRunStep } from './runbooks/runs/runbook-run.step.js';
import { StepKinds } from './runbooks/step.js';
import { PlanExpiryStep } from './restore/plans/plan-expiry.step.js';
import { RestoreModule } from './restore/restore.module.js';
import { RestoreEchoStep } from './restore/runs/restore-echo.step.js';
import { RestoreRunStep } from './restore/runs/restore-run.step.js';
import { RunsEndedGate } from './restore/runs/runs-ended.gate.js';
import { RestoreStepKinds } from './restore/steps/restore-step-kinds.js';
import { MarkerKey } from './shops/restore-marker.js';
import { ShopsModule } from './shops/shops.module.js';

export interface AppParts {
  readonly config: Config;
  /** relative paths in the configuration are meant from here */
  readonly configDirectory: string;
  /** where the shipped runbooks lie */
  readonly runbooksDirectory: string;
  readonly clock: Clock;
  readonly database: Database;
  readonly serviceKey: ServiceKey;
}

/** The background steps that a running service works through. */
export const backgroundSteps: readonly (new (...parts: never[]) => BackgroundStep)[] = [
  JournalPartitionsStep,
  IdempotencySweepStep,
  ReplicationInspectionStep,
  DetectionStep,
  AlertingStep,
  StreamAlertStep,
  PageDeliveryStep,
  IncidentsStep,
  IncidentPagesStep,
  PlanExpiryStep,
  RestoreRunStep,
  RestoreEchoStep,
  RunbookRunStep,
];

/** The composition root: it alone names every feature. */
@Module({})
export class AppModule {
  constructor(
    gates: ResolveGates,
    runsEnded: RunsEndedGate,
    runbookRunsEnded: RunbookRunsEndedGate,
    stepKinds: StepKinds,
    restoreStepKinds: RestoreStepKinds,
  ) {
    gates.register(runsEnded);
    gates.register(runbookRunsEnded);
    restoreStepKinds.registerIn(stepKinds);
    stepKinds.assertWhole();
  }

  static with(parts: AppParts): DynamicModule {
    const { config } = parts;
    return {
      module: AppModule,
      imports: [
        PlatformModule.with({ clock: parts.clock, database: parts.database }),
        AccessModule,
        JournalModule.with({ serviceKey: parts.serviceKey }),
        ShopsModule.with({
          shops: config.shops,
          directory: parts.configDirectory,
          markerKey: MarkerKey.from(parts.serviceKey.bytes),
        }),
        ReplicationModule.with({
          settings: new ReplicationSettings(config.intake.retained_wal_max_mb * 2 ** 20, {
            spoolBytesMax: config.intake.spool_max_mb * 2 ** 20,
          }),
        }),
        OrderEventsModule.with(
          new OrderEventSettings(config.intake.order_events_silent_minutes * 60_000 || null),
        ),
        DetectionModule.with({
          settings: new DetectionSettings(config.detection.weeks_per_false_page),
        }),
        AlertingModule.with({
          receivers: config.receivers,
          publicUrl: config.http.public_url,
        }),
        IncidentsModule,
        RunbooksModule.with({
          directories: [
            parts.runbooksDirectory,
            ...(config.runbooks.directory === undefined
              ? []
              : [resolve(parts.configDirectory, config.runbooks.directory)]),
          ],
          allowedHosts: config.runbooks.allowed_hosts,
          webhookSecret: config.runbooks.webhook_secret,
        }),
        RestoreModule,
      ],
    };
  }
}
