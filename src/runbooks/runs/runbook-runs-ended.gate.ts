import { Injectable } from '@nestjs/common';
import type { Incident } from '../../incidents/incident.js';
import type { ResolveGate } from '../../incidents/resolve-gate.js';
import type { Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { RunbookRunStore } from './run.store.js';

/**
 * Keeps an incident from being resolved while a runbook is gone through for it. It is not ended silently:
 * its step may be under way, and whoever asked its questions is told of the end by aborting it. A run starts
 * only under the incident's lock, and one that has ended does not go on again.
 */
@Injectable()
export class RunbookRunsEndedGate implements ResolveGate {
  constructor(private readonly runs: RunbookRunStore) {}

  async refusal(transaction: Transaction, incident: Incident): Promise<Fault | undefined> {
    const run = await this.runs.notEnded(transaction, incident.id);
    if (run === undefined) return undefined;
    const { id: runbookRunId, number, runbook, state } = run;
    return new Fault(
      'conflict',
      'runbook-run-not-ended',
      `runbook run ${number} of ${runbook} is ${state}; go through to its end, or abort it`,
      { data: { runbookRunId, number, state } },
    );
  }
}
