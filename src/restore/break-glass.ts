import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.js';
import { PageService } from '../alerting/page.service.js';
import { TimelineService } from '../incidents/timeline.service.js';
import type { Transaction } from '../platform/database/database.js';
import type { Plan } from './plans/plan.js';

export interface BrokenGlass {
  readonly plan: Plan;
  /** null where it was done in the shop's database by a hand that we do not know */
  readonly caller: Caller | null;
  /** what was done against the rule, for the page: `approved restore plan 3 alone` */
  readonly deed: string;
  readonly reason: string;
  /** names the event: a second page of the same key is not made */
  readonly key: string;
  readonly at: Date;
}

/** A rule was broken on purpose, with a reason: said on the timeline, and paged loudly. */
@Injectable()
export class BreakGlass {
  constructor(
    private readonly timeline: TimelineService,
    private readonly pages: PageService,
  ) {}

  async tell(transaction: Transaction, glass: BrokenGlass): Promise<void> {
    const { plan, caller, deed, reason, at } = glass;
    await this.timeline.append(transaction, {
      incidentId: plan.incidentId,
      at,
      type: 'break-glass',
      personId: caller?.personId ?? null,
      data: { planId: plan.id, planNumber: plan.number, reason: `${deed}: ${reason}` },
    });
    const who = caller?.name ?? 'somebody';
    await this.pages.enqueue(transaction, {
      dedupeKey: `break-glass/${glass.key}`,
      incidentId: plan.incidentId,
      firstLine: `BREAK-GLASS in shop ${plan.shopId}: ${who} ${deed}: ${reason}`,
      body: {
        kind: 'break-glass',
        severity: 'critical',
        details: [`plan ${plan.number}, hash ${plan.hash}`],
        data: { planId: plan.id, planNumber: plan.number, personId: caller?.personId ?? null },
      },
      now: at,
    });
  }
}
