import { Injectable } from '@nestjs/common';
import { mayFollow, refusalOf } from '../../incidents/transitions.js';
import type { Transaction } from '../../platform/database/database.js';
import { CaseMoves } from '../case-moves.js';
import { planTransitions, type Plan, type PlanState } from './plan.js';
import { PlanStore } from './plan.store.js';

/** Changes of a plan's state, with what they mean for its cases. The caller writes the timeline entry. */
@Injectable()
export class PlanEnds {
  constructor(
    private readonly store: PlanStore,
    private readonly moves: CaseMoves,
  ) {}

  /** Locks a plan until the transaction ends. Always before its incident. */
  async lock(transaction: Transaction, planId: string): Promise<Plan | undefined> {
    return this.store.lock(transaction, planId);
  }

  /** It may be run until `validUntil`: also one that was approved before, by somebody who has left since. */
  async approve(transaction: Transaction, plan: Plan, validUntil: Date): Promise<void> {
    const approved = { state: 'approved', expiresAt: validUntil } as const;
    if (plan.state === 'approved') await this.store.setState(transaction, plan.id, approved);
    else await this.set(transaction, plan, approved);
  }

  /** It has been run: it cannot be run again. */
  async run(transaction: Transaction, plan: Plan): Promise<void> {
    await this.set(transaction, plan, { state: 'run' });
  }

  /** It will not be run: its cases are open again, unless they are part of another plan. */
  async end(
    transaction: Transaction,
    plan: Plan,
    end: { state: 'rejected' | 'expired'; at: Date; personId?: string },
  ): Promise<void> {
    await this.set(transaction, plan, { state: end.state });
    if (plan.action === 'undo') return;
    await this.moves.move(transaction, {
      incidentId: plan.incidentId,
      caseIds: await this.store.casesLeft(transaction, plan),
      from: ['planned'],
      to: 'open',
      at: end.at,
      words: `plan ${plan.number} was ${end.state === 'expired' ? 'not run in time' : 'rejected'}`,
      personId: end.personId ?? null,
    });
  }

  private async set(
    transaction: Transaction,
    plan: Plan,
    change: { state: PlanState; expiresAt?: Date },
  ): Promise<void> {
    if (!mayFollow(planTransitions, { from: plan.state, to: change.state }))
      throw refusalOf(planTransitions, {
        from: plan.state,
        to: change.state,
        subject: `plan ${plan.number}`,
      });
    await this.store.setState(transaction, plan.id, change);
  }
}
