import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Database } from '../../platform/database/database.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { separately } from '../separately.js';
import { PlanEnds } from './plan-ends.js';
import { PlanStore, type DuePlan } from './plan.store.js';

const batch = 20;

/** Ends plans that were not approved, or not run, in time. */
@Injectable()
export class PlanExpiryStep implements BackgroundStep {
  readonly name = 'restore-plan-expiry';
  readonly intervalMs = 5_000;
  private looked: DuePlan | null = null;

  constructor(
    private readonly database: Database,
    private readonly store: PlanStore,
    private readonly ends: PlanEnds,
    private readonly timeline: TimelineService,
  ) {}

  /** One plan that cannot be ended holds up no other: each look goes on behind the one before, and then anew. */
  async run({ now }: StepContext): Promise<'idle' | 'more'> {
    const due = await this.store.due(this.database, now, { after: this.looked, limit: batch });
    this.looked = due.length === batch ? (due.at(-1) ?? null) : null;
    return separately(due, async ({ id }) => {
      await this.expire(id, now);
      return due.length === batch;
    });
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
