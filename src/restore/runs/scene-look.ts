import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import type { Bleeding } from '../bleeding.js';
import { BleedingService } from '../bleeding.service.js';
import type { Plan } from '../plans/plan.js';
import { RunStore } from './run.store.js';

/** How long the journal may take to catch up with the shop before a start is refused. */
const startPatienceMs = 10_000;

/** How the shop and the harm stood when a start was asked for. */
export interface Scene {
  /** undefined where it does not matter: an undo brings no order back */
  readonly bleeding: Bleeding | undefined;
  /** the shop's journal up to which cancellations were looked at */
  readonly journalHead: number;
}

/** Looks at the shop before a start: this may take seconds, so it is done outside any transaction. */
@Injectable()
export class SceneLook {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly bleeding: BleedingService,
    private readonly shops: ShopRegistry,
  ) {}

  async at(plan: Plan): Promise<Scene> {
    const { journalHead } = await this.runs.gate(this.database, plan.shopId);
    if (plan.action === 'undo') return { bleeding: undefined, journalHead };
    const shop = this.shops.get(plan.shopId);
    const bleeding = await this.bleeding.judge({
      incidentId: plan.incidentId,
      shopId: plan.shopId,
      adapter: shop.adapter,
      settleMs: shop.profile.cancellation.settle,
      patienceMs: startPatienceMs,
    });
    return { bleeding, journalHead };
  }
}
