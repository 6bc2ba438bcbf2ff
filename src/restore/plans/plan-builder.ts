import { Injectable } from '@nestjs/common';
import type { Case } from '../../incidents/case.js';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import { ok, refuse, type Result } from '../../platform/result.js';
import {
  composePartialSpan,
  composeSpan,
  type CancellationSpan,
} from '../../shops/cancellation-span.js';
import { orderBefore } from '../../shops/order-before.js';
import type { Shop } from '../../shops/shop-registry.js';
import type { Capability } from '../../shops/shop-adapter.js';
import { mapConcurrently } from '../concurrently.js';
import { judgeOrder, type GapsAround, type OrderFacts } from './disposition.js';
import { expectedTables } from './expectations.js';
import { checkTransaction, inverseOfSpan, type SpanTransaction } from './inverse.js';
import { assembleItems, type DecidedChange, type ItemDraft } from './item-draft.js';
import { KnownOrders, type KnownOrder } from './known-orders.js';
import { unreadable } from './personal-values.js';
import type { PlanItem } from './plan.js';
import { PlanStore, type Stretch } from './plan.store.js';
import type { Refusal } from './refusal.js';

/** Orders whose journal is read at once. */
const batch = 100;
/** Questions asked of the shop at once: few, since it has customers to serve. */
const questions = 4;

export interface BuildRequest {
  readonly shop: Shop;
  readonly cases: readonly Case[];
  /** a person named one order and no other */
  readonly namedSingly: boolean;
}

/** Works out what a restore of each order would write, from the journal, the profile and the shop as it stands. */
@Injectable()
export class PlanBuilder {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly orders: KnownOrders,
    private readonly store: PlanStore,
    private readonly personal: PersonalData,
    private readonly clock: Clock,
  ) {}

  /** The items of a plan for these cases, simulated as a whole. Reads only. */
  async build(request: BuildRequest): Promise<PlanItem[]> {
    const transactions = new TransactionCache(this.journal, request.shop);
    const drafts: ItemDraft[] = [];
    for (let start = 0; start < request.cases.length; start += batch) {
      const orders = await this.read(request, request.cases.slice(start, start + batch));
      const part = await mapConcurrently(orders, questions, (order) =>
        this.draft(request, { ...order, transactions }),
      );
      drafts.push(...part);
    }
    return assembleItems(drafts, request.shop.adapter);
  }

  /** What the journal holds of these orders, and what it lost while and after they were cancelled. */
  private async read(
    { shop }: BuildRequest,
    cases: readonly Case[],
  ): Promise<Omit<FoundOrder, 'transactions'>[]> {
    const known = await this.orders.read(
      shop.id,
      cases.map(({ orderId }) => orderId),
    );
    const orders = cases.map((of) => {
      const { entries, rows } = known.get(of.orderId) ?? { entries: [], rows: [] };
      return { of, entries, rows, span: composeSpan(shop.profile, entries) };
    });
    const stretches = orders.map(({ span }) => stretchOf(span));
    const gaps = await this.store.gapsAround(this.database, shop.id, stretches);
    return orders.map((order, index) => ({
      ...order,
      gaps: present(gaps[index], 'each stretch was asked about'),
    }));
  }

  private async draft(request: BuildRequest, found: FoundOrder): Promise<ItemDraft> {
    const { shop, namedSingly } = request;
    const now = this.clock.now();
    const { of, entries, span } = found;
    const core = span?.entries.find((entry) => entry.kinds.includes('cancelled'));
    const first = span?.entries[0];
    const before = first === undefined ? null : orderBefore(shop.profile, found, first);
    const partial = span === undefined ? composePartialSpan(shop.profile, entries) : undefined;
    const facts: Omit<OrderFacts, 'capability'> = {
      now,
      profile: shop.profile,
      case: of,
      namedSingly,
      span,
      partial: partial?.entries ?? [],
      before,
      gaps: found.gaps,
    };
    const id = newId();
    const decided = await this.decide(request, { ...found, facts, itemId: id });
    const positions = span?.entries.map((entry) => entry.position) ?? [];
    return {
      id,
      caseId: of.id,
      orderId: of.orderId,
      orderNumber: of.orderNumber,
      expectedStatus: span?.statusAfter ?? null,
      before,
      source: {
        positions,
        spanPosition: core?.position ?? 0,
        lastPosition: entries.at(-1)?.position ?? 0,
      },
      decided,
    };
  }

  private async decide(
    { shop }: BuildRequest,
    order: FoundOrder & { facts: Omit<OrderFacts, 'capability'>; itemId: string },
  ): Promise<Result<DecidedChange, Refusal>> {
    const { facts, itemId } = order;
    // the shop is asked only about orders that nothing else speaks against
    const inside = judgeOrder({ ...facts, capability: { way: 'reopen' } });
    if (!inside.ok) return inside;
    const capability = await askShop(shop, order.of.orderId);
    const judged = judgeOrder({ ...facts, capability });
    if (!judged.ok) return judged;
    const span = facts.span;
    if (span === undefined)
      return refuse({ reason: 'evidence-missing', detail: 'no cancellation' });
    const inverse = inverseOfSpan({
      profile: shop.profile,
      orderId: order.of.orderId,
      itemId,
      net: span.net,
      transactions: await mapConcurrently(span.entries, 1, (entry) => order.transactions.of(entry)),
    });
    if (!inverse.ok) return inverse;
    // of a person who was erased nobody can put a value back: told now, not when it is the order's turn
    const erased = await unreadable(this.personal, shop.id, inverse.value);
    if (erased !== undefined) return refuse(erased);
    const expect = expectedTables(shop.profile, order.rows);
    if (!expect.ok) return expect;
    return ok({ changes: inverse.value, expect: expect.value, risks: judged.value });
  }
}

interface FoundOrder extends KnownOrder {
  readonly of: Case;
  readonly span: CancellationSpan | undefined;
  readonly gaps: GapsAround;
  readonly transactions: TransactionCache;
}

/** Of an order whose cancellation is not journalled nothing is decided by gaps. */
function stretchOf(span: CancellationSpan | undefined): Stretch {
  const first = span?.entries[0]?.position ?? 0;
  return { first, last: span?.entries.at(-1)?.position ?? first };
}

/** A transaction that cancelled many orders is read and checked once for all of them. */
class TransactionCache {
  private readonly known = new Map<string, Promise<SpanTransaction>>();

  constructor(
    private readonly journal: JournalService,
    private readonly shop: Shop,
  ) {}

  of({ source }: JournalEntry): Promise<SpanTransaction> {
    const name = `${source.incarnation} ${source.commitLsn} ${source.transactionId}`;
    const found = this.known.get(name) ?? this.read(source);
    this.known.set(name, found);
    return found;
  }

  private async read(source: JournalEntry['source']): Promise<SpanTransaction> {
    const entries = await this.journal.ofTransaction(this.shop.id, source);
    return checkTransaction(this.shop.profile, entries);
  }
}

async function askShop(shop: Shop, orderId: string): Promise<Capability | undefined> {
  try {
    return await shop.adapter.capabilities(orderId);
  } catch {
    return undefined;
  }
}
