import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Database } from '../../platform/database/database.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { PlanEnds } from './plan-ends.js';
import { PlanStore } from './plan.store.js';

const batch = 20;

/** Ends plans that were not approved, or not run, in time. */
@Injectable()
export class PlanExpiryStep implements BackgroundStep {
  readonly name = 'restore-plan-expiry';
  readonly intervalMs = 5_000;

  constructor(
    private readonly database: Database,
    private readonly store: PlanStore,
    private readonly ends: PlanEnds,
    private readonly timeline: TimelineService,
  ) {}

  async run({ now }: StepContext): Promise<'idle' | 'more'> {
    const due = await this.store.due(this.database, now, batch);
    for (const { id } of due) await this.expire(id, now);
    return due.length === batch ? 'more' : 'idle';
  }

  private async expire(planId: string, now: Date): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const plan = await this.ends.lock(transaction, planId);
      const isOpen = plan?.state === 'proposed' || plan?.state === 'approved';
      if (plan === undefined || !isOpen || plan.expiresAt > now) return;
      await this.timeline.append(transaction, {
        incidentId: plan.incidentId,
        at: now,
        type: 'plan-expired',
        data: { planId: plan.id, planNumber: plan.number },
      });
      await this.ends.end(transaction, plan, { state: 'expired', at: now });
    });
  }
}
