import { Injectable } from '@nestjs/common';
import { caseTransitions, type Case, type CaseState } from '../incidents/case.js';
import { CaseService } from '../incidents/case.service.js';
import { CaseStore } from '../incidents/case.store.js';
import { IncidentStore } from '../incidents/incident.store.js';
import { mayFollow } from '../incidents/transitions.js';
import type { Transaction } from '../platform/database/database.js';

export interface CaseMove {
  readonly incidentId: string;
  readonly caseIds: readonly string[];
  readonly to: CaseState;
  readonly at: Date;
  readonly words: string;
  readonly personId?: string | null;
  /** moves only cases that are in one of these states */
  readonly from?: readonly CaseState[];
}

/**
 * Moves cases along with the restore of their orders. A case that cannot go there (a person closed it
 * meanwhile, say) stays where it is: what happened in the shop is written down all the same.
 */
@Injectable()
export class CaseMoves {
  constructor(
    private readonly service: CaseService,
    private readonly store: CaseStore,
    private readonly incidents: IncidentStore,
  ) {}

  /** Gives the cases that were moved, each with its timeline entry. */
  async move(transaction: Transaction, move: CaseMove): Promise<string[]> {
    if (move.caseIds.length === 0) return [];
    await this.incidents.lock(transaction, move.incidentId);
    const cases = await this.store.lock(transaction, move.caseIds);
    const { to, at, words, personId = null } = move;
    const movable = cases.filter((one) => mayMove(one, move));
    await this.service.transitionLocked(transaction, movable, { to, at, words, personId });
    return movable.map(({ id }) => id);
  }
}

function mayMove({ state }: Case, { to, from }: CaseMove): boolean {
  return mayFollow(caseTransitions, { from: state, to }) && (from?.includes(state) ?? true);
}
