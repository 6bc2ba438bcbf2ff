import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { withLogContext, type LogFields } from '../../platform/telemetry/log-context.js';
import { emptyAttribute, inSpan, linkTo } from '../../platform/telemetry/tracing/span.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { separately } from '../separately.js';
import { tracesOfPlan } from '../plans/plan-traces.store.js';
import { Leftovers } from './leftovers.js';
import type { Run } from './run.js';
import { RunBatches } from './run-batches.js';
import { RunDriver } from './run-driver.js';
import { RunStore } from './run.store.js';

export const restoreRunStep = 'restore-run';

/**
 * Carries out restore runs: attempts that were cut off are settled first, then orders are claimed and
 * restored side by side, then the stage is judged. One failing run does not hold up the others.
 */
@Injectable()
export class RestoreRunStep implements BackgroundStep {
  readonly name = restoreRunStep;
  readonly intervalMs = 500;

  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly shops: ShopRegistry,
    private readonly leftovers: Leftovers,
    private readonly driver: RunDriver,
    private readonly batches: RunBatches,
  ) {}

  async run(context: StepContext): Promise<'idle' | 'more'> {
    const runs = await this.runs.active(this.database);
    return separately(runs, (run) =>
      withLogContext(logFields(run), () => this.traced(run, context.signal)),
    );
  }

  private async traced(run: Run, signal: AbortSignal): Promise<boolean> {
    const attributes = {
      'reinstate.shop': run.shopId,
      'reinstate.incident.id': run.incidentId,
      'reinstate.restore_plan.id': run.planId,
      'reinstate.restore_run.id': run.id,
    };
    return inSpan({ name: 'restore run', attributes }, async (span) => {
      if (run.state === 'running')
        await linkTo(span, () => tracesOfPlan(this.database, run.planId));
      const again = await this.work(run, signal);
      span.setAttribute(emptyAttribute, !again);
      return again;
    });
  }

  /** True where it should be called again at once. */
  private async work(run: Run, signal: AbortSignal): Promise<boolean> {
    const shop = this.shops.get(run.shopId);
    await this.leftovers.settle(run, shop);
    if (run.state !== 'running') {
      await this.driver.watch(run);
      return false;
    }
    if (!(await this.driver.mayBegin(run))) return false;
    const worked = await this.batches.carryOut(run, shop, signal);
    const current = await this.runs.read(this.database, run.id);
    if (current?.state !== 'running') return false;
    const advanced = await this.driver.advance(current, shop);
    return worked > 0 || advanced === 'advanced';
  }
}

function logFields({ id, planId, incidentId, shopId }: Run): LogFields {
  return {
    shop: shopId,
    incident_id: incidentId,
    restore_plan_id: planId,
    restore_run_id: id,
  };
}
