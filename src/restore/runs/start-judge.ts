import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import type { Incident } from '../../incidents/incident.js';
import { IncidentStore } from '../../incidents/incident.store.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Reader, type Transaction } from '../../platform/database/database.js';
import { shortfallOf, standingOf } from '../approvals/approval.js';
import { ApprovalStore } from '../approvals/approval.store.js';
import { planHash, type Plan, type PlanState } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { judgeStart, type StartRefusal } from './run-start.js';
import { RunStore } from './run.store.js';
import { SceneLook, type Scene } from './scene-look.js';

export interface StartQuestion {
  readonly plan: Plan;
  readonly from: PlanState;
  readonly hashAsked: string;
  readonly override: { readonly reason: string } | null;
  readonly caller: Caller;
}

/** Gathers what decides whether a run may start or go on. */
@Injectable()
export class StartJudge {
  constructor(
    private readonly database: Database,
    private readonly scenes: SceneLook,
    private readonly incidents: IncidentStore,
    private readonly plans: PlanStore,
    private readonly approvals: ApprovalStore,
    private readonly runs: RunStore,
    private readonly clock: Clock,
  ) {}

  /** Looks at the shop, and judges by what is written down now. */
  async look(
    question: StartQuestion,
  ): Promise<{ scene: Scene; refusal: StartRefusal | undefined }> {
    const { plan } = question;
    const scene = await this.scenes.at(plan);
    const incident = await this.incidents.read(this.database, plan.incidentId);
    return { scene, refusal: await this.judge(this.database, question, { scene, incident }) };
  }

  /**
   * Judges once more in the transaction that lets the run go: time has passed since the look. The caller
   * has locked the plan (to start) or the run (to go on); the incident is locked here, so that it is not
   * resolved meanwhile.
   */
  async judgeLocked(
    transaction: Transaction,
    question: StartQuestion,
    scene: Scene,
  ): Promise<StartRefusal | undefined> {
    const incident = await this.incidents.lock(transaction, question.plan.incidentId);
    return this.judge(transaction, question, { scene, incident });
  }

  private async judge(
    reader: Reader,
    question: StartQuestion,
    { scene, incident }: { scene: Scene; incident: Incident | undefined },
  ): Promise<StartRefusal | undefined> {
    const { plan, caller } = question;
    const items = await this.plans.items(reader, plan.id);
    const now = this.clock.now();
    const approvals = await this.approvals.ofPlan(reader, { planId: plan.id, now });
    const voted = { approvals, startedBy: caller.personId, now };
    return judgeStart({
      ...question,
      incident: present(incident, 'a plan belongs to an incident'),
      gate: await this.runs.gate(reader, plan.shopId),
      hashNow: planHash(plan, items),
      standing: standingOf(plan, voted),
      shortfall: shortfallOf(plan, voted),
      bleeding: scene.bleeding,
      orders: items.filter((item) => item.disposition === 'reopen').length,
    });
  }
}
