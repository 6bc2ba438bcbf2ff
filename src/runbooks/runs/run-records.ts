import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Runbook } from '../runbook-library.js';
import type { NewRunbookRun } from './run.store.js';
import { runNamed } from './run-words.js';

export interface RunbookStart {
  readonly incidentId: string;
  readonly runbook: string;
  readonly dryRun: boolean;
  readonly assumptions: Readonly<Record<string, string>>;
}

export interface Begun {
  readonly caller: Caller;
  readonly runbook: Runbook;
  readonly start: RunbookStart;
  readonly now: Date;
}

/** What is written beside a run that starts. */
@Injectable()
export class RunbookRecords {
  constructor(
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
  ) {}

  async started(
    transaction: Transaction,
    { caller, runbook, run, now }: Begun & { run: NewRunbookRun & { number: number } },
  ): Promise<void> {
    const { textHash, assumptions, incidentId, dryRun } = run;
    await this.timeline.append(transaction, {
      ...{ incidentId, at: now, personId: caller.personId, type: 'runbook-run-started' },
      data: { ...runNamed(run), textHash, steps: runbook.steps.length, assumptions },
    });
    await this.audit.record(transaction, {
      ...{ caller, at: now, action: 'runbook-run.started' },
      ...{ subjectKind: 'runbook-run', subjectId: run.id },
      data: { number: run.number, runbook: run.runbook, textHash, dryRun, incidentId },
    });
  }
}
