import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import { BleedingService } from '../bleeding.service.js';
import { judgeLimits, judgeStage, tallyOf, type Run, type StopReason } from './run.js';
import { RunStops } from './run-stops.js';
import { RunWaits } from './run-waits.js';
import { RunStore } from './run.store.js';

/** The journal may be this late before a stage is put off: it is asked again at the next tick. */
const stagePatienceMs = 2_000;

/** Decides how far a run may go, and writes it down: stops, stages and its end. */
@Injectable()
export class RunDriver {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly stops: RunStops,
    private readonly waits: RunWaits,
    private readonly bleeding: BleedingService,
    private readonly timeline: TimelineService,
    private readonly clock: Clock,
  ) {}

  /** Whether the next order of the run may be begun. Asked before each of them; stops the run where it must stop. */
  async mayBegin(run: Run): Promise<boolean> {
    return (await this.mayClaim(run)) && (await this.isQuiet(run));
  }

  /** Whether the shop may be written to, and the run keeps its limits. */
  private async mayClaim(run: Run): Promise<boolean> {
    const gate = await this.runs.pulse(this.database, run.id);
    if (gate?.state !== 'running') return false;
    if (gate.stopped)
      return this.stop(
        run,
        'kill-switch',
        `the shop was stopped: ${gate.stopReason ?? 'no reason given'}`,
      );
    if (!gate.armed) return this.stop(run, 'disarmed', 'the shop was disarmed');
    const broken = judgeLimits(gate, run.limits);
    if (broken !== undefined) return this.stop(run, broken, limitWords(broken, run));
    return true;
  }

  /** Whether nothing that belongs to the harm came since the run started. */
  private async isQuiet(run: Run): Promise<boolean> {
    if (run.action === 'undo' || run.bleedingOverride !== null) return true;
    const { incidentId: id, shopId, bleedPosition: afterPosition } = run;
    const arrivals = await this.bleeding.arrivals({ id, shopId, afterPosition });
    if (arrivals !== 'stop') return arrivals === 'none';
    return this.stop(run, 'still-bleeding', 'matching cancellations still arrive');
  }

  /** Says when the run cannot go on without a person. For runs that do not advance. */
  async watch(run: Run): Promise<void> {
    await this.waits.look(run, await this.runs.stageCounts(this.database, run.id));
  }

  /** Ends the run, or opens its next stage, where everything so far has come to an end. */
  async advance(run: Run, shop: Shop): Promise<'advanced' | 'waiting'> {
    const stages = await this.runs.stageCounts(this.database, run.id);
    await this.waits.look(run, stages);
    const upToStage = tallyOf(stages, run.stage);
    const pendingBeyond = tallyOf(stages).counts.pending - upToStage.counts.pending;
    const verdict = judgeStage({ stage: run.stage, upToStage, pendingBeyond });
    if (verdict === 'wait') return 'waiting';
    if (verdict === 'finished') return this.finish(run);
    if (!(await this.isStillQuiet(run, shop))) return 'waiting';
    await this.database.transaction(async (transaction) => {
      const current = await this.runs.lock(transaction, run.id);
      if (current?.state !== 'running' || current.stage !== run.stage) return;
      if (verdict === 'next-canary') await this.runs.promote(transaction, run.id, run.stage);
      else await this.runs.setStage(transaction, run.id, run.stage + 1);
    });
    return 'advanced';
  }

  /** At each stage the whole question is asked again: also whether the journal still keeps up. */
  private async isStillQuiet(run: Run, shop: Shop): Promise<boolean> {
    if (run.action === 'undo' || run.bleedingOverride !== null) return true;
    const bleeding = await this.bleeding.judge({
      incidentId: run.incidentId,
      shopId: run.shopId,
      adapter: shop.adapter,
      settleMs: shop.profile.cancellation.settle,
      patienceMs: stagePatienceMs,
    });
    // arrivals stop a run where they belong to the harm; until that is known, and while the journal is
    // behind, the stage only waits
    return !bleeding.bleeding;
  }

  private async finish(run: Run): Promise<'advanced'> {
    const now = this.clock.now();
    await this.database.transaction(async (transaction) => {
      const current = await this.runs.lock(transaction, run.id);
      if (current?.state !== 'running') return;
      const ended = { state: 'finished', stopReason: null, endedAt: now } as const;
      await this.runs.setState(transaction, run.id, ended);
      const { counts } = tallyOf(await this.runs.stageCounts(transaction, run.id));
      await this.timeline.append(transaction, {
        incidentId: run.incidentId,
        at: now,
        type: 'run-finished',
        data: { runId: run.id, planId: run.planId, counts: withoutZeros(counts) },
      });
    });
    return 'advanced';
  }

  private async stop(run: Run, reason: StopReason, words: string): Promise<false> {
    const now = this.clock.now();
    await this.database.transaction(async (transaction) => {
      await this.stops.stop(transaction, run, { reason, words, now });
    });
    return false;
  }
}

function limitWords(reason: StopReason, { limits }: Run): string {
  return reason === 'lock-timeouts'
    ? `${limits.stopAtLockTimeouts} orders in a row were locked by the shop`
    : `more than ${Math.round(limits.stopAtFailureRate * 100)} % of the orders failed`;
}

function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
