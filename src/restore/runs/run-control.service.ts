import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { mayFollow, refusalOf } from '../../incidents/transitions.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { runTransitions, type Run, type RunState } from './run.js';
import { RunStops } from './run-stops.js';
import { RunStore } from './run.store.js';

/** Pauses and stops runs. Orders that are being written come to their end; no further one is begun. */
@Injectable()
export class RunControlService {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly stops: RunStops,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** The run goes on when it is resumed. */
  async pause(caller: Caller, runId: string, reason: string | null): Promise<void> {
    await this.change(caller, runId, 'paused', async (transaction, run, now) => {
      const state = { state: 'paused', stopReason: null, endedAt: null } as const;
      await this.runs.setState(transaction, run.id, state);
      await this.timeline.append(transaction, {
        incidentId: run.incidentId,
        at: now,
        type: 'run-paused',
        personId: caller.personId,
        data: { runId: run.id, planId: run.planId, reason },
      });
    });
  }

  /** Ends the run; what was not restored is only planned again. */
  async stop(caller: Caller, runId: string, reason: string): Promise<void> {
    const { personId } = caller;
    await this.change(caller, runId, 'stopped', async (transaction, run, now) => {
      await this.stops.stop(transaction, run, { reason: 'by-hand', words: reason, now, personId });
    });
  }

  private async change(
    caller: Caller,
    runId: string,
    to: RunState,
    work: (transaction: Transaction, run: Run, now: Date) => Promise<void>,
  ): Promise<void> {
    const now = this.clock.now();
    await this.database.transaction(async (transaction) => {
      const run = await this.runs.lock(transaction, runId);
      if (run === undefined) throw missingRun(runId);
      if (!mayFollow(runTransitions, { from: run.state, to }))
        throw refusalOf(runTransitions, { from: run.state, to });
      await work(transaction, run, now);
      await this.audit.record(transaction, {
        caller,
        at: now,
        action: `restore-run.${to}`,
        subjectKind: 'restore-run',
        subjectId: run.id,
      });
    });
  }
}

export function missingRun(runId: string): Fault {
  return new Fault('missing', 'run-unknown', `there is no restore run ${runId}`);
}
