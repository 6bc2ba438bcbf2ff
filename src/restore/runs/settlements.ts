import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { Transaction } from '../../platform/database/database.js';
import { CaseMoves } from '../case-moves.js';
import { ItemOutcomes, nameOf, orderOf, type EndedAt } from './item-outcomes.js';
import type { ReadBackVerdict } from './read-back.js';
import { RunItemStore } from './run-item.store.js';
import { settlementWords, type Settlement } from './settlement.js';

/** Writes down what a person said of an unknown outcome, and says loudly where that was wrong. */
@Injectable()
export class Settlements {
  constructor(
    private readonly items: RunItemStore,
    private readonly outcomes: ItemOutcomes,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly pages: PageService,
  ) {}

  /**
   * Applied by a person's word: no echo is waited for any more. Not applied: it failed, and gets another
   * turn only by a retry or a new plan. False where the item is not unknown any more. The caller has
   * locked the run.
   */
  async write(
    transaction: Transaction,
    ended: EndedAt & { readonly personId: string },
    said: Settlement & { readonly readBack: ReadBackVerdict },
  ): Promise<boolean> {
    const { run, item, now, personId } = ended;
    const { outcome, reason } = said;
    const words = settlementWords(outcome, said.readBack);
    const detail = `${words}: ${reason}`;
    const settled = { detail, settledOutcome: outcome } as const;
    const change =
      outcome === 'applied'
        ? ({ state: 'applied', appliedAt: now, reason: null, ...settled } as const)
        : ({ state: 'failed', reason: 'outcome-unknown', ...settled } as const);
    if (!(await this.items.change(transaction, item, change, now))) return false;
    await this.items.endAttempt(transaction, item, { at: now, outcome, detail });
    await this.timeline.append(transaction, {
      incidentId: run.incidentId,
      at: now,
      type: 'order-settled',
      caseId: item.caseId,
      personId,
      data: { ...orderOf(item), outcome, reason, words },
    });
    await this.moveCase(transaction, ended, said);
    return true;
  }

  /** Its marker has come in, although a person had said that it was not applied. */
  async tellContradicted(
    transaction: Transaction,
    { run, item, now }: EndedAt,
    position: number,
  ): Promise<void> {
    const words = `order ${nameOf(item)} was settled by a person as not applied, but it was: its marker has come in (journal ${position})`;
    const { incidentId } = run;
    await this.timeline.append(transaction, {
      incidentId,
      at: now,
      type: 'settlement-contradicted',
      caseId: item.caseId,
      data: { ...orderOf(item), words },
    });
    await this.pages.enqueue(transaction, {
      dedupeKey: `settlement-contradicted/${item.id}/${position}`,
      incidentId,
      firstLine: `A settled outcome in shop ${item.shopId} was wrong: ${words}`,
      body: {
        kind: 'settlement-contradicted',
        severity: 'high',
        details: [`run ${run.id}`],
        data: { runId: run.id, planItemId: item.planItemId, orderId: item.orderId, position },
      },
      now,
    });
  }

  /** An order counts as restored by a person's word only where the shop itself shows nothing else. */
  private async moveCase(
    transaction: Transaction,
    ended: EndedAt & { readonly personId: string },
    { outcome, reason, readBack }: Settlement & { readonly readBack: ReadBackVerdict },
  ): Promise<void> {
    const { run, item, now, personId } = ended;
    const isDone = outcome === 'applied' && readBack !== 'otherwise';
    const words = `${settlementWords(outcome, readBack)}: ${reason}`;
    if (item.action === 'undo') {
      if (isDone) await this.outcomes.takenBack(transaction, ended, words);
      return;
    }
    await this.moves.move(transaction, {
      incidentId: run.incidentId,
      caseIds: [item.caseId],
      to: isDone ? 'restored' : 'person',
      at: now,
      words,
      personId,
    });
  }
}
