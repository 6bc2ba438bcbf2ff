import { Injectable } from '@nestjs/common';
import type { Severity } from '../alerting/severity.js';
import { heldMinor, type OrderSnapshot } from '../orders/order-snapshot.js';
import { present } from '../platform/assert.js';
import type { Transaction } from '../platform/database/database.js';
import { newId } from '../platform/ids.js';
import { GrowthStore } from './growth.store.js';
import { IncidentProgressService } from './incident-progress.service.js';
import type { Declaration } from './incident.js';
import { IncidentStore } from './incident.store.js';
import type { NewTimelineEntry } from './timeline.js';
import { TimelineService } from './timeline.service.js';
import { JudgingService } from './verdict/judging.service.js';
import type { UnknownCase } from './verdict/judging.store.js';

/** An incident that a person declares. */
export interface DeclaredIncident {
  readonly shopId: string;
  readonly declaration: Declaration;
  /** null: by numbers */
  readonly severity: Severity | null;
  readonly personId: string;
  readonly now: Date;
}

/** Opens declared incidents. The step `incidents` then collects what the journal holds of them. */
@Injectable()
export class DeclaredIncidentService {
  constructor(
    private readonly store: GrowthStore,
    private readonly incidents: IncidentStore,
    private readonly judging: JudgingService,
    private readonly progress: IncidentProgressService,
    private readonly timeline: TimelineService,
  ) {}

  /**
   * Opens the incident. `cancelled` is what the shop itself lists for the period: orders among it that
   * the journal does not know as cancelled were hit before it began, and become cases for a person.
   */
  async open(
    transaction: Transaction,
    declared: DeclaredIncident,
    cancelled: readonly OrderSnapshot[],
  ): Promise<string> {
    const incidentId = newId();
    const { shopId, personId, now } = declared;
    const title = `declared by hand: ${declared.declaration.reason}`;
    await this.insert(transaction, declared, { incidentId, title });
    const place = { incidentId, shopId, now };
    const before = await this.hitBefore(transaction, declared, cancelled);
    const added = await this.judging.addUnknown(transaction, place, before);
    const incident = present(
      await this.incidents.lock(transaction, incidentId),
      'the incident was opened just now',
    );
    const change = { now, added: added.length, opened: false };
    const changes =
      added.length === 0 ? [] : await this.progress.refresh(transaction, incident, change);
    await this.timeline.appendAll(transaction, { incidentId, at: now }, [
      declaredEntry(declared, { title, personId }),
      ...added,
      ...changes,
    ]);
    return incidentId;
  }

  private async insert(
    transaction: Transaction,
    declared: DeclaredIncident,
    { incidentId, title }: { incidentId: string; title: string },
  ): Promise<void> {
    const { shopId, declaration, severity, personId, now } = declared;
    await this.incidents.insert(transaction, {
      ...{ id: incidentId, shopId, title, declaration },
      fingerprint: `declared:${incidentId}`,
      alertId: null,
      severity: severity ?? 'low',
      journalPosition: await this.store.positionBefore(
        transaction,
        shopId,
        new Date(declaration.since),
      ),
      declaredBy: personId,
      openedAt: now,
    });
    if (severity !== null)
      await this.incidents.update(transaction, incidentId, { severityBy: personId });
  }

  private async hitBefore(
    transaction: Transaction,
    { shopId, declaration }: DeclaredIncident,
    cancelled: readonly OrderSnapshot[],
  ): Promise<Omit<UnknownCase, 'id'>[]> {
    const orderIds = cancelled.map((order) => order.orderId);
    const journalled = await this.store.journalled(transaction, shopId, orderIds);
    const attributes = Object.entries(declaration.filter.attributes ?? {});
    return cancelled
      .filter((order) => !journalled.has(order.orderId))
      .filter((order) => attributes.every(([name, value]) => order.attributes[name] === value))
      .map(unknownCase);
  }
}

/** The shop says no longer what the order was: its total may be zero by now, its money is still told. */
function unknownCase(order: OrderSnapshot): Omit<UnknownCase, 'id'> {
  return {
    orderId: order.orderId,
    orderNumber: order.number,
    cancelledAt: order.cancelledAt === null ? null : new Date(order.cancelledAt),
    customerId: order.customerId,
    totalMinor: order.totalMinor,
    heldMinor: heldMinor(order),
    currency: order.currency,
  };
}

function declaredEntry(
  { declaration, severity }: DeclaredIncident,
  { title, personId }: { title: string; personId: string },
): NewTimelineEntry {
  const { since, until, reason } = declaration;
  return {
    type: 'incident-declared',
    personId,
    data: { line: title, severity: severity ?? 'low', since, until, reason },
  };
}
