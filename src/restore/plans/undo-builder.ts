import { Injectable } from '@nestjs/common';
import { netChanges } from '../../orders/fold.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { Database } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import { ok, refuse, type Result } from '../../platform/result.js';
import type { Shop } from '../../shops/shop-registry.js';
import { mapConcurrently } from '../concurrently.js';
import type { RunItem } from '../runs/run.js';
import { expectedTables } from './expectations.js';
import { assembleItems, type DecidedChange, type ItemDraft } from './item-draft.js';
import { KnownOrders, type KnownOrder } from './known-orders.js';
import type { PlanItem } from './plan.js';
import { PlanStore } from './plan.store.js';
import type { Refusal } from './refusal.js';
import { inverseOfRestore } from './undo.js';

/** Orders whose journal is read at once. */
const batch = 100;

/** Works out what taking restored orders back would write: the inverse of the restore's own journal entry. */
@Injectable()
export class UndoBuilder {
  constructor(
    private readonly database: Database,
    private readonly orders: KnownOrders,
    private readonly plans: PlanStore,
  ) {}

  async build(shop: Shop, restored: readonly RunItem[]): Promise<PlanItem[]> {
    const drafts: ItemDraft[] = [];
    for (let start = 0; start < restored.length; start += batch) {
      const items = restored.slice(start, start + batch);
      const orderIds = items.map(({ orderId }) => orderId);
      const known = await this.orders.read(shop.id, orderIds);
      const planItems = await this.plans.itemsById(
        this.database,
        items.map(({ planItemId }) => planItemId),
      );
      const byId = new Map(planItems.map((item) => [item.id, item]));
      const part = await mapConcurrently(items, 1, (item) =>
        Promise.resolve(
          draftOf(shop, {
            item,
            planItem: byId.get(item.planItemId),
            ...(known.get(item.orderId) ?? { entries: [], rows: [] }),
          }),
        ),
      );
      drafts.push(...part);
    }
    return assembleItems(drafts, shop.adapter);
  }
}

interface RestoredOrder extends KnownOrder {
  readonly item: RunItem;
  readonly planItem: PlanItem | undefined;
}

function draftOf(shop: Shop, order: RestoredOrder): ItemDraft {
  const { item, planItem, entries } = order;
  const echo = entries.find(({ position }) => position === item.echoPosition);
  return {
    id: newId(),
    caseId: item.caseId,
    orderId: item.orderId,
    orderNumber: item.orderNumber,
    expectedStatus: echo?.statusAfter ?? null,
    before: planItem?.before ?? null,
    source: {
      positions: item.echoPosition === null ? [] : [item.echoPosition],
      spanPosition: item.echoPosition ?? 0,
      lastPosition: entries.at(-1)?.position ?? 0,
    },
    decided: decide(shop, { ...order, echo }),
  };
}

function decide(
  { profile }: Shop,
  { planItem, entries, rows, echo }: RestoredOrder & { echo: JournalEntry | undefined },
): Result<DecidedChange, Refusal> {
  if (echo === undefined || planItem === undefined)
    return refuse({
      reason: 'evidence-missing',
      detail: 'the restore itself does not stand in the journal',
    });
  const later = judgeLater(entries.filter(({ position }) => position > echo.position));
  if (later !== undefined) return refuse(later);
  const positions = new Set(planItem.source.positions);
  const cancelled = netChanges(
    entries.filter((entry) => positions.has(entry.position)).flatMap((entry) => entry.rowChanges),
  );
  const inverse = inverseOfRestore({ profile, restored: planItem.changes, echo, cancelled });
  if (!inverse.ok) return inverse;
  const expect = expectedTables(profile, rows);
  if (!expect.ok) return expect;
  const words = 'the customer sees the order cancelled again';
  const risks = [{ code: 'cancelled-again', words }];
  return ok({ changes: inverse.value, expect: expect.value, risks });
}

/** Once a restored order went on with its life, its restore is not taken back any more. */
function judgeLater(later: readonly JournalEntry[]): Refusal | undefined {
  if (later.length === 0) return undefined;
  const where = `journal ${later.map(({ position }) => position).join(', ')}`;
  const has = (kind: JournalEntry['kinds'][number]) =>
    later.some((entry) => entry.kinds.includes(kind));
  if (has('shipped'))
    return { reason: 'shipped', detail: `the order was shipped since (${where})` };
  if (has('refunded'))
    return { reason: 'money-returned', detail: `money was given back since (${where})` };
  return { reason: 'changed-since', detail: `the order was changed after its restore (${where})` };
}
