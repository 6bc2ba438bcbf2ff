import { Injectable } from '@nestjs/common';
import type { Incident } from '../../incidents/incident.js';
import type { ResolveGate } from '../../incidents/resolve-gate.js';
import type { Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import type { RunState } from './run.js';
import { RunStore } from './run.store.js';

/**
 * Keeps an incident from being resolved while a run of it, an undo too, may still write to the shop or
 * waits to learn what it wrote. A run starts and goes on only under the incident's lock, so that of the
 * two at once one is refused.
 */
@Injectable()
export class RunsEndedGate implements ResolveGate {
  constructor(private readonly runs: RunStore) {}

  async refusal(transaction: Transaction, incident: Incident): Promise<Fault | undefined> {
    const run = await this.runs.notEnded(transaction, incident.id);
    if (run === undefined) return undefined;
    const { id: runId, state, planNumber } = run;
    return new Fault(
      'conflict',
      'run-not-ended',
      `restore run ${runId} of plan ${planNumber} ${wayOut[state]}`,
      { data: { runId, planNumber, state } },
    );
  }
}

const unsettled =
  'has orders of which it is not known yet what became of them; wait for it, or settle those whose outcome stays unknown';

/** How it is with the run, and what can be done about it. */
const wayOut: Readonly<Record<RunState, string>> = {
  running: 'is running; wait for its end, or stop it',
  paused: 'is paused; resume it and wait for its end, or stop it',
  stopped: unsettled,
  finished: unsettled,
};
