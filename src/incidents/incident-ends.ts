import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { CaseService } from './case.service.js';
import { IncidentProgressService } from './incident-progress.service.js';
import type { Incident } from './incident.js';
import { ResolveGates } from './resolve-gate.js';

/** When and by whom; null where Reinstate itself does it. */
interface Act {
  readonly at: Date;
  readonly personId: string | null;
}

/** What the end of an incident, and its reopening, mean for its cases and pages. The caller has locked the incident. */
@Injectable()
export class IncidentEnds {
  constructor(
    private readonly cases: CaseService,
    private readonly progress: IncidentProgressService,
    private readonly gates: ResolveGates,
  ) {}

  /**
   * Closes the cases that were not restored, and gives how many were and were not.
   * @throws Fault while a restore is under way, and while the alert fires unless that is overridden
   */
  async close(
    transaction: Transaction,
    incident: Incident,
    given: Act & { override: string | null },
  ): Promise<{ closed: number; restored: number }> {
    const { at, personId, override } = given;
    await this.gates.pass(transaction, incident);
    const trend = await this.progress.trendOf(transaction, incident.id);
    if (trend?.firing === true && override === null) throw stillBleeding();
    const counts = await this.cases.countStates(transaction, incident.id);
    const underWay = (counts.get('restoring') ?? 0) + (counts.get('unknown') ?? 0);
    if (underWay > 0) throw beingRestored(underWay);
    const words = 'incident resolved without restoring this order';
    const change = { at, personId, to: 'closed', words } as const;
    const left = ['open', 'planned', 'person'] as const;
    const closed = await this.cases.transitionFrom(transaction, incident.id, left, change);
    return { closed, restored: counts.get('restored') ?? 0 };
  }

  /** Takes up the cases that were closed, and pages. */
  async reopen(
    transaction: Transaction,
    incident: Incident,
    { at, personId, reason }: Act & { reason: string },
  ): Promise<void> {
    const words = `incident reopened: ${reason}`;
    const change = { to: 'open', at, words, personId } as const;
    await this.cases.transitionFrom(transaction, incident.id, ['closed'], change);
    await this.progress.pageReopened(transaction, incident, { now: at, reason });
  }
}

function stillBleeding(): Fault {
  return new Fault(
    'conflict',
    'still-bleeding',
    'the alert still fires: more orders may be cancelled; stop the cause first, or say in `override` why it can be resolved all the same',
  );
}

function beingRestored(orders: number): Fault {
  return new Fault(
    'conflict',
    'being-restored',
    `${orders} order(s) are being restored; wait for the run to end, or stop it`,
    { data: { orders } },
  );
}
