import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault, type FaultKind } from '../../platform/errors.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { Leftovers } from './leftovers.js';
import { ReadBack, type ReadBackVerdict } from './read-back.js';
import { missingRun } from './run-control.service.js';
import type { RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStops } from './run-stops.js';
import { judgeSettlement, type Settlement, type SettlementRefusal } from './settlement.js';
import { Settlements } from './settlements.js';

export interface SettleRequest extends Settlement {
  readonly runId: string;
  readonly itemId: string;
}

const refusals: Readonly<Record<SettlementRefusal, { kind: FaultKind; words: string }>> = {
  'services-cannot-settle': {
    kind: 'forbidden',
    words: 'what became of an order is said by a person, not by a service',
  },
  'item-not-unknown': {
    kind: 'conflict',
    words:
      'only an order whose outcome is unknown, or that the shop’s stream has not shown, is settled by a person',
  },
  'echo-awaited': {
    kind: 'conflict',
    words:
      'the order was written just now, and the shop’s stream is to show it: wait for half a minute',
  },
  'outcome-in-progress': {
    kind: 'conflict',
    words: 'the shop has not ended the transaction yet: wait for it, or end it there',
  },
  'outcome-known': {
    kind: 'conflict',
    words: 'the shop itself knows what became of it, and settles it within a moment',
  },
};

/** What is known of an item before a person settles it: from the shop, so outside any transaction. */
@Injectable()
export class SettlementLook {
  constructor(
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly shops: ShopRegistry,
    private readonly leftovers: Leftovers,
    private readonly readBacks: ReadBack,
    private readonly clock: Clock,
  ) {}

  /** @throws Fault where the item is not there, or its outcome is not a person's to say */
  async at(
    caller: Caller,
    { runId, itemId }: { runId: string; itemId: string },
  ): Promise<{ item: RunItem; readBack: ReadBackVerdict }> {
    const item = await this.items.read(this.database, itemId);
    if (item?.runId !== runId)
      throw new Fault('missing', 'item-unknown', `the run has no item ${itemId}`);
    const shop = this.shops.get(item.shopId);
    const isUnknown = item.state === 'unknown';
    const server = isUnknown ? await this.leftovers.askServer(shop, item) : undefined;
    const refusal = judgeSettlement({ caller, item, server, now: this.clock.now() });
    if (refusal !== undefined) throw refusalFault(refusal);
    return { item, readBack: await this.readBacks.ofItem(shop, item) };
  }
}

function refusalFault(refusal: SettlementRefusal): Fault {
  const { kind, words } = refusals[refusal];
  return new Fault(kind, refusal, words);
}

/** Lets a person say what became of an order of which neither the shop's server nor its stream tells it. */
@Injectable()
export class SettlementService {
  constructor(
    private readonly look: SettlementLook,
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly stops: RunStops,
    private readonly settlements: Settlements,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** @throws Fault with one of `settlementRefusals`, or where there is no such item */
  async settle(caller: Caller, request: SettleRequest): Promise<RunItem> {
    const { runId, itemId, outcome, reason } = request;
    const { item, readBack } = await this.look.at(caller, request);
    const now = this.clock.now();
    const { personId } = caller;
    return this.database.transaction(async (transaction) => {
      const run = await this.stops.lock(transaction, runId);
      if (run === undefined) throw missingRun(runId);
      const said = { outcome, reason, readBack };
      const ended = { run, item, now, personId };
      if (!(await this.settlements.write(transaction, ended, said)))
        throw refusalFault('item-not-unknown');
      await this.audit.record(transaction, {
        caller,
        at: now,
        action: 'restore-run.item-settled',
        subjectKind: 'restore-run',
        subjectId: runId,
        data: { itemId, orderId: item.orderId, outcome, reason, readBack },
      });
      return (await this.items.read(transaction, itemId)) ?? item;
    });
  }
}
