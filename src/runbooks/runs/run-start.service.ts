import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { IncidentStore } from '../../incidents/incident.store.js';
import { missingIncident } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { newId } from '../../platform/ids.js';
import { Wake } from '../../platform/work/wake.js';
import { assertRunnable, RunbookLibrary, type Runbook } from '../runbook-library.js';
import { assumptionFaults } from './assumptions.js';
import { RunbookRunStore, type NewRunbookRun } from './run.store.js';
import { RunbookRecords, type Begun, type RunbookStart } from './run-records.js';
import { runbookRunStep } from './step-name.js';

/** Starts runs of runbooks. */
@Injectable()
export class RunbookStartService {
  constructor(
    private readonly library: RunbookLibrary,
    private readonly store: RunbookRunStore,
    private readonly incidents: IncidentStore,
    private readonly records: RunbookRecords,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /**
   * Pins a run to the runbook's present text and gives its id; its steps are done by the background step
   * `runbook-run`. Nothing is started of a runbook with faults.
   * @throws Fault `runbook-invalid`, `runbook-without-steps`, `assumption-missing`, `incident-resolved`,
   * `runbook-run-open`
   */
  async start(caller: Caller, start: RunbookStart): Promise<string> {
    const runbook = await this.library.get(start.runbook);
    assertRunnable(runbook);
    refuseAssumptions(runbook, start);
    const begun = { caller, runbook, start, now: this.clock.now() };
    const runId = await this.database.transaction((transaction) => this.write(transaction, begun));
    this.wake.notify(runbookRunStep);
    return runId;
  }

  private async write(transaction: Transaction, begun: Begun): Promise<string> {
    const { caller, runbook, start, now } = begun;
    const { incidentId } = start;
    const incident = await this.incidents.lock(transaction, incidentId);
    if (incident === undefined) throw missingIncident(incidentId);
    if (incident.status === 'resolved')
      throw new Fault(
        'conflict',
        'incident-resolved',
        `incident ${incident.number} is resolved; reopen it first`,
      );
    const open = start.dryRun ? undefined : await this.store.open(transaction, start);
    if (open !== undefined)
      throw new Fault(
        'conflict',
        'runbook-run-open',
        `runbook run ${open.number} of ${start.runbook} is ${open.state}; go on with that one, or abort it`,
      );
    const run: NewRunbookRun = {
      ...{ id: newId(), incidentId, shopId: incident.shopId, runbook: runbook.name },
      ...{ text: runbook.text, textHash: runbook.textHash, dryRun: start.dryRun },
      ...{ assumptions: start.assumptions, startedBy: caller.personId, startedAt: now },
      ...{ actsFor: caller.personId, tokenId: caller.tokenId },
    };
    const number = await this.store.insert(transaction, run, runbook.steps);
    await this.records.started(transaction, { ...begun, run: { ...run, number } });
    return run.id;
  }
}

function refuseAssumptions(runbook: Runbook, start: RunbookStart): void {
  const fields = assumptionFaults(runbook.steps, start);
  if (fields.length === 0) return;
  throw new Fault(
    'invalid',
    'assumption-missing',
    `what is assumed does not fit: ${fields.map(({ field, message }) => `${field}: ${message}`).join('; ')}`,
    { fields },
  );
}
