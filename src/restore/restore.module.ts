import { Module } from '@nestjs/common';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { ApprovalService } from './approvals/approval.service.js';
import { ApprovalStore } from './approvals/approval.store.js';
import { BleedingService } from './bleeding.service.js';
import { BleedingStore } from './bleeding.store.js';
import { BreakGlass } from './break-glass.js';
import { CaseMoves } from './case-moves.js';
import { IncidentPlanController } from './plans/incident-plan.controller.js';
import { KnownOrders } from './plans/known-orders.js';
import { PlanBuilder } from './plans/plan-builder.js';
import { PlanController, PlanScriptController } from './plans/plan.controller.js';
import { PlanEnds } from './plans/plan-ends.js';
import { PlanExpiryStep } from './plans/plan-expiry.step.js';
import { PlanScript } from './plans/plan-script.js';
import { PlanScriptService } from './plans/plan-script.service.js';
import { PlanViewService } from './plans/plan-view.service.js';
import { PlanWriter } from './plans/plan-writer.js';
import { PlanService } from './plans/plan.service.js';
import { PlanStore } from './plans/plan.store.js';
import { UndoBuilder } from './plans/undo-builder.js';
import { RestoreMetrics } from './restore.metrics.js';
import { RestoreRowMetrics } from './restore-rows.metrics.js';
import { Aftermath } from './runs/aftermath.js';
import { AttemptEvidence } from './runs/attempt-evidence.js';
import { EchoComparison } from './runs/echo-comparison.js';
import { EchoIntake } from './runs/echo-intake.js';
import { EchoStore } from './runs/echo.store.js';
import { EchoedItems } from './runs/echoed-items.js';
import { ItemGroupStore } from './runs/item-group.store.js';
import { HandRuns } from './runs/hand-runs.js';
import { ItemAttempt } from './runs/item-attempt.js';
import { ItemClaims } from './runs/item-claims.js';
import { AppliedItems } from './runs/applied-items.js';
import { RunBatches } from './runs/run-batches.js';
import { ItemOutcomes } from './runs/item-outcomes.js';
import { Leftovers } from './runs/leftovers.js';
import { ReadBack } from './runs/read-back.js';
import { RefusalLog } from './runs/refusal-log.js';
import { RestoreEchoStep } from './runs/restore-echo.step.js';
import { RestoreRunStep } from './runs/restore-run.step.js';
import { RunControlService } from './runs/run-control.service.js';
import { RunController } from './runs/run.controller.js';
import { RunDriver } from './runs/run-driver.js';
import { RunEvents } from './runs/run-events.js';
import { RunItemStore } from './runs/run-item.store.js';
import { RunReopening } from './runs/run-reopening.js';
import { RunResumeService } from './runs/run-resume.service.js';
import { RunStartService } from './runs/run-start.service.js';
import { RunStops } from './runs/run-stops.js';
import { RunViewService } from './runs/run-view.service.js';
import { RunWaits } from './runs/run-waits.js';
import { RunWriter } from './runs/run-writer.js';
import { RunStore } from './runs/run.store.js';
import { SettlementLook, SettlementService } from './runs/settlement.service.js';
import { Settlements } from './runs/settlements.js';
import { RunsEndedGate } from './runs/runs-ended.gate.js';
import { SceneLook } from './runs/scene-look.js';
import { StartGate } from './runs/start-gate.js';
import { StartJudge } from './runs/start-judge.js';
import { UndoService } from './runs/undo.service.js';
import { ApprovalStep } from './steps/approval-step.js';
import { PlanStep } from './steps/plan-step.js';
import { QuietStep } from './steps/quiet-step.js';
import { RestoreStepKinds } from './steps/restore-step-kinds.js';
import { RestoreStep } from './steps/restore-step.js';
import { VerifyStep } from './steps/verify-step.js';

/** The services that runbook steps and other rooms may call; the endpoints call the same. */
const services = [
  ApprovalService,
  BleedingService,
  PlanScriptService,
  PlanService,
  PlanViewService,
  RunControlService,
  RunResumeService,
  RunStartService,
  RunViewService,
  SettlementService,
  UndoService,
];

const steps = [PlanExpiryStep, RestoreEchoStep, RestoreRunStep];

/** Kinds of step of runbooks. */
const stepKinds = [ApprovalStep, PlanStep, QuietStep, RestoreStep, VerifyStep];

/**
 * Restore plans, their approval and their runs. Needs PlatformModule, AccessModule, JournalModule,
 * ShopsModule and AlertingModule.
 */
@Module({
  imports: [IncidentsModule],
  // the script first: `:id` alone would take its address too
  controllers: [PlanScriptController, PlanController, IncidentPlanController, RunController],
  providers: [
    ...services,
    ...steps,
    ...stepKinds,
    RestoreStepKinds,
    Aftermath,
    ApprovalStore,
    AttemptEvidence,
    BleedingStore,
    BreakGlass,
    CaseMoves,
    EchoComparison,
    EchoIntake,
    EchoStore,
    ItemGroupStore,
    EchoedItems,
    HandRuns,
    ItemAttempt,
    ItemClaims,
    AppliedItems,
    RunBatches,
    ItemOutcomes,
    KnownOrders,
    Leftovers,
    PlanBuilder,
    PlanEnds,
    PlanScript,
    PlanStore,
    PlanWriter,
    ReadBack,
    RefusalLog,
    RestoreMetrics,
    RestoreRowMetrics,
    RunDriver,
    RunEvents,
    RunItemStore,
    RunReopening,
    RunStops,
    RunStore,
    RunWaits,
    RunWriter,
    RunsEndedGate,
    SceneLook,
    SettlementLook,
    Settlements,
    StartGate,
    StartJudge,
    UndoBuilder,
  ],
  exports: [...services, ...steps, RestoreStepKinds, RunsEndedGate],
})
export class RestoreModule {}
