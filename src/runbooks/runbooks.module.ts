import { Module, type DynamicModule } from '@nestjs/common';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { HttpCheck } from './kinds/http-check.js';
import { Question } from './kinds/question.js';
import { SqlCheck } from './kinds/sql-check.js';
import { Wait } from './kinds/wait.js';
import { Webhook } from './kinds/webhook.js';
import { RunbookMetrics } from './runbook.metrics.js';
import { RunbookRowMetrics } from './runbook-rows.metrics.js';
import { RunbookController } from './runbook.controller.js';
import { RunbookLibrary } from './runbook-library.js';
import { RunbooksSettings } from './runbooks.settings.js';
import { AnswerService } from './runs/answer.service.js';
import { RunbookControlService } from './runs/run-control.service.js';
import { IncidentRunbookController, RunbookRunController } from './runs/run.controller.js';
import { RunbookRunsEndedGate } from './runs/runbook-runs-ended.gate.js';
import { RunStandingStore } from './runs/standing.store.js';
import { RunEngineParts } from './runs/run-engine-parts.js';
import { RunEngine } from './runs/run-engine.js';
import { RunRecorder } from './runs/run-recorder.js';
import { RunbookRecords } from './runs/run-records.js';
import { RunbookStartService } from './runs/run-start.service.js';
import { RunbookRunViewService } from './runs/run-view.service.js';
import { RunbookRunStore } from './runs/run.store.js';
import { RunbookRunStep } from './runs/runbook-run.step.js';
import { StepValues } from './runs/step-values.js';
import { StepKinds } from './step.js';

/** Kinds of step that this room does itself; the others are registered by `app.module.ts`. */
const kinds = [HttpCheck, Question, SqlCheck, Wait, Webhook];

/**
 * Runbooks and their runs. Needs PlatformModule, AccessModule and the shops' registry, and somebody who
 * registers the kinds of step that rooms above do.
 */
@Module({})
export class RunbooksModule {
  constructor(
    registry: StepKinds,
    http: HttpCheck,
    question: Question,
    sql: SqlCheck,
    wait: Wait,
    webhook: Webhook,
  ) {
    registry.register(http);
    registry.register(question);
    registry.register(sql);
    registry.register(wait);
    registry.register(webhook);
  }

  static with(parts: ConstructorParameters<typeof RunbooksSettings>[0]): DynamicModule {
    return {
      module: RunbooksModule,
      imports: [IncidentsModule],
      controllers: [RunbookController, IncidentRunbookController, RunbookRunController],
      providers: [
        ...kinds,
        AnswerService,
        RunEngine,
        RunEngineParts,
        RunRecorder,
        RunbookControlService,
        RunbookLibrary,
        RunbookMetrics,
        RunbookRecords,
        RunbookRowMetrics,
        RunbookRunStep,
        RunbookRunStore,
        RunbookRunViewService,
        RunbookRunsEndedGate,
        RunbookStartService,
        RunStandingStore,
        StepKinds,
        StepValues,
        { provide: RunbooksSettings, useValue: new RunbooksSettings(parts) },
      ],
      exports: [
        AnswerService,
        RunbookControlService,
        RunbookRunStep,
        RunbookRunViewService,
        RunbookRunsEndedGate,
        RunbookStartService,
        StepKinds,
      ],
    };
  }
}
