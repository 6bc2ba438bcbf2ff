import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import type { Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { BreakGlass } from '../break-glass.js';
import { CaseMoves } from '../case-moves.js';
import type { Plan } from '../plans/plan.js';
import { attemptsPerRound, type Run } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

export interface Reopening {
  readonly run: Run;
  readonly plan: Plan;
  readonly caller: Caller;
  readonly failedToo: boolean;
  readonly bleedPosition: number;
  readonly bleedingOverride: string | null;
}

/** Writes down that a run goes on. The caller has locked the run. */
@Injectable()
export class RunReopening {
  constructor(
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly glass: BreakGlass,
    private readonly clock: Clock,
  ) {}

  async reopen(transaction: Transaction, given: Reopening): Promise<void> {
    const { run, plan, caller, bleedPosition, bleedingOverride } = given;
    const now = this.clock.now();
    if (given.failedToo) await this.retryFailed(transaction, given, now);
    const running = { state: 'running', stopReason: null, endedAt: null } as const;
    if (run.state !== 'running') await this.runs.setState(transaction, run.id, running);
    await this.runs.startCounting(transaction, run.id, { bleedPosition, bleedingOverride });
    await this.timeline.append(transaction, {
      incidentId: run.incidentId,
      at: now,
      type: 'run-resumed',
      personId: caller.personId,
      data: { runId: run.id, planId: run.planId },
    });
    if (bleedingOverride !== null)
      await this.glass.tell(transaction, {
        plan,
        caller,
        deed: `went on with restore plan ${plan.number} although it still bleeds`,
        reason: bleedingOverride,
        key: `resume/${run.id}/${run.version}`,
        at: now,
      });
    await this.audit.record(transaction, {
      caller,
      at: now,
      action: given.failedToo ? 'restore-run.retried' : 'restore-run.resumed',
      subjectKind: 'restore-run',
      subjectId: run.id,
      data: { bleedingOverride },
    });
  }

  /** Orders that failed wait for their turn again; not those that were written and differ. */
  private async retryFailed(
    transaction: Transaction,
    { run }: Reopening,
    now: Date,
  ): Promise<void> {
    const failed = await this.items.inStates(transaction, run.id, ['failed']);
    const items = failed.filter((item) => item.appliedAt === null);
    if (items.length === 0)
      throw new Fault(
        'conflict',
        'nothing-to-retry',
        'no order of the run failed in a way that another attempt may mend',
      );
    for (const item of items) {
      const attemptsMax = item.attempts + attemptsPerRound;
      const change = { state: 'pending', reason: null, detail: null, attemptsMax } as const;
      await this.items.change(transaction, item, change, now);
    }
    if (run.action === 'undo') return;
    await this.moves.move(transaction, {
      incidentId: run.incidentId,
      caseIds: items.map((item) => item.caseId),
      to: 'planned',
      at: now,
      words: 'its restore is tried again',
    });
  }
}
