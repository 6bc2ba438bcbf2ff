import { Injectable } from '@nestjs/common';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore } from '../../journal/row-image.store.js';
import { rowName } from '../../orders/fold.js';
import type { OrderEvent } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import { RestoreMarkers } from '../../shops/restore-markers.js';
import { composeEvents, ordersToRead, type ComposeContext } from './interpret/compose-events.js';
import { sealedImage } from './interpret/draft-image.js';
import type { TransactionDraft } from './interpret/draft-transaction.js';
import { markersOf } from './interpret/messages.js';
import { OrderRows } from './interpret/order-rows.js';
import { sealDrafts } from './interpret/seal-drafts.js';
import type { Batch } from './batch.js';

/** Turns what transactions were worked out to be into order events, and carries the row images forward. */
@Injectable()
export class EventComposer {
  constructor(
    private readonly rowImages: RowImageStore,
    private readonly personalData: PersonalData,
    private readonly markers: RestoreMarkers,
  ) {}

  /** The events of the drafts, in their order; the row images are then those after the last of them. */
  async compose(
    transaction: Transaction,
    batch: Omit<Batch, 'transactions'>,
    drafts: readonly TransactionDraft[],
  ): Promise<OrderEvent[]> {
    const { mapping, shopId, incarnation, unseen } = batch;
    const seals = await sealDrafts(
      drafts.flatMap((draft) => draft.seals),
      (given) => this.personalData.seal(transaction, shopId, given),
    );
    const orderRows = await this.readOrders(transaction, batch, drafts);
    const context = { mapping, shopId, incarnation, unseen, seals, orderRows };
    const events: (readonly OrderEvent[])[] = [];
    for (const draft of drafts) events.push(await this.eventsOf(transaction, context, draft));
    await this.writeImages(transaction, shopId, { drafts, seals });
    return events.flat();
  }

  /** The draft's events, those that our own restores and undos made with their markers. */
  private async eventsOf(
    transaction: Transaction,
    context: ComposeContext,
    draft: TransactionDraft,
  ): Promise<readonly OrderEvent[]> {
    const events = composeEvents(context, draft);
    const contents = markersOf(draft.transaction);
    if (contents.length === 0) return events;
    const { shopId, incarnation } = context;
    const { commitLsn, transactionId } = draft.transaction;
    const source = { incarnation, commitLsn, transactionId };
    return this.markers.mark(transaction, { shopId, source, contents }, events);
  }

  private async readOrders(
    transaction: Transaction,
    { mapping, shopId }: Pick<Batch, 'mapping' | 'shopId'>,
    drafts: readonly TransactionDraft[],
  ): Promise<OrderRows> {
    const orderIds = [...new Set(drafts.flatMap((draft) => ordersToRead(mapping, draft)))];
    const orderRows = new OrderRows();
    if (orderIds.length === 0) return orderRows;
    const stored = await this.rowImages.ofOrders(transaction, shopId, orderIds);
    for (const orderId of orderIds) orderRows.load(orderId, stored.get(orderId) ?? []);
    return orderRows;
  }

  /** Each row once, as the last of the drafts left it. */
  private async writeImages(
    transaction: Transaction,
    shopId: string,
    {
      drafts,
      seals,
    }: {
      drafts: readonly TransactionDraft[];
      seals: Parameters<typeof sealedImage>[1];
    },
  ): Promise<void> {
    const rows = drafts.flatMap((draft) => draft.rows);
    const last = [...new Map(rows.map((row) => [rowName(row.table, row.key), row])).values()];
    const gone = last.filter((row) => row.after === null);
    const kept = last.flatMap(({ table, key, after, orderIdAfter }) =>
      after === null
        ? []
        : [{ table, key, orderId: orderIdAfter, image: sealedImage(after, seals) }],
    );
    await this.rowImages.remove(transaction, shopId, gone);
    await this.rowImages.write(transaction, shopId, kept);
  }
}
