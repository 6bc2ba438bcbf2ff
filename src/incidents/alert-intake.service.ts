import { Injectable } from '@nestjs/common';
import { present } from '../platform/assert.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { newId } from '../platform/ids.js';
import { GrowthStore, type AlertToTake } from './growth.store.js';
import { IncidentProgressService } from './incident-progress.service.js';
import type { Incident } from './incident.js';
import { IncidentService } from './incident.service.js';
import { IncidentStore } from './incident.store.js';
import type { NewTimelineEntry } from './timeline.js';
import { TimelineService } from './timeline.service.js';
import { JudgingService } from './verdict/judging.service.js';

/** Cases added in one transaction: keeps it well under a second. */
const batch = 500;

/** From so large a share of its orders on, an alert is about the same failure as the incident that has them. */
const sameFailureShare = 0.5;

/** An alert's incident, locked, and how they came together. */
interface Home {
  readonly incident: Incident;
  readonly how: 'known' | 'joined' | 'opened';
}

/** Takes alerts into incidents: opens one, or adds the alert's orders to the one that is open. */
@Injectable()
export class AlertIntakeService {
  constructor(
    private readonly database: Database,
    private readonly store: GrowthStore,
    private readonly incidents: IncidentStore,
    private readonly service: IncidentService,
    private readonly judging: JudgingService,
    private readonly progress: IncidentProgressService,
    private readonly timeline: TimelineService,
  ) {}

  /**
   * Takes the alert in its present version; `more` where orders are left for the next call. All that is
   * written (incident, cases, verdicts, timeline, page) commits together. Two processes at once end in
   * one incident: the database takes only one open incident per fingerprint.
   */
  async take(alertId: string, now: Date): Promise<'done' | 'more'> {
    return this.database.transaction(async (transaction) => {
      const alert = await this.store.readAlert(transaction, alertId);
      if (alert === undefined) return 'done';
      const home = await this.homeOf(transaction, alert, now);
      const source = { incidentId: home.incident.id, findingId: alert.findingId };
      const orderIds = await this.store.newOrders(transaction, source, batch);
      const more = orderIds.length === batch;
      const grown =
        home.incident.status === 'resolved' && orderIds.length === 0
          ? []
          : await this.grow(transaction, home, { alert, orderIds, now });
      const noted = more ? [] : await this.noteTaken(transaction, alert);
      const place = { incidentId: home.incident.id, at: now };
      await this.timeline.appendAll(transaction, place, [...grown, ...noted]);
      return more ? 'more' : 'done';
    });
  }

  /** The alert's incident: its own, the open one of its fingerprint, one with the same orders, or a new one. */
  private async homeOf(transaction: Transaction, alert: AlertToTake, now: Date): Promise<Home> {
    const known =
      alert.incidentId === null
        ? undefined
        : await this.incidents.lock(transaction, alert.incidentId);
    if (known !== undefined && known.status !== 'resolved')
      return { incident: known, how: 'known' };
    const open =
      (await this.incidents.lockOpen(transaction, alert.fingerprint)) ??
      (known === undefined ? await this.incidentOfSameOrders(transaction, alert) : undefined);
    if (open === undefined && known !== undefined) return { incident: known, how: 'known' };
    const home: Home =
      open === undefined
        ? await this.open(transaction, alert, now)
        : { incident: open, how: 'joined' };
    await this.store.link(transaction, { alertId: alert.id, incidentId: home.incident.id, now });
    return home;
  }

  /** An open incident whose cases are, for the most part, this alert's orders: seen by another slice. */
  private async incidentOfSameOrders(
    transaction: Transaction,
    alert: AlertToTake,
  ): Promise<Incident | undefined> {
    const nearest = await this.store.nearestIncident(transaction, alert);
    if (nearest === undefined || nearest.shared < nearest.orders * sameFailureShare)
      return undefined;
    const incident = await this.incidents.lock(transaction, nearest.incidentId);
    return incident?.status === 'resolved' ? undefined : incident;
  }

  private async open(transaction: Transaction, alert: AlertToTake, now: Date): Promise<Home> {
    const { shopId, fingerprint } = alert;
    const id = newId();
    const opened = await this.incidents.insert(transaction, {
      ...{ id, shopId, fingerprint, alertId: alert.id, openedAt: now },
      title: alert.summary,
      // raised to what the cases come to, in this same transaction
      severity: 'low',
      journalPosition: alert.journalHead,
      declaredBy: null,
      declaration: null,
    });
    if (opened !== undefined) return { incident: opened, how: 'opened' };
    const other = await this.incidents.lockOpen(transaction, fingerprint);
    return { incident: present(other, 'another one of this fingerprint is open'), how: 'joined' };
  }

  private async grow(
    transaction: Transaction,
    home: Home,
    given: { alert: AlertToTake; orderIds: readonly string[]; now: Date },
  ): Promise<NewTimelineEntry[]> {
    const { incident } = home;
    const { orderIds, now } = given;
    const place = { incidentId: incident.id, shopId: incident.shopId, now };
    const before = await this.comeTogether(transaction, home, given);
    const cases = await this.judging.addOrders(transaction, place, orderIds);
    const verdicts = await this.judging.judge(transaction, place);
    if (orderIds.length > 0) await this.store.seekAlike(transaction, incident.id);
    const opened = home.how === 'opened';
    const changes = await this.progress.refresh(transaction, incident, {
      ...{ now, opened },
      added: orderIds.length,
    });
    return opened
      ? [...changes, ...cases, ...verdicts]
      : [...before, ...cases, ...verdicts, ...changes];
  }

  private async comeTogether(
    transaction: Transaction,
    { incident, how }: Home,
    { alert, now }: { alert: AlertToTake; now: Date },
  ): Promise<NewTimelineEntry[]> {
    if (incident.status === 'resolved') {
      const reason = 'more orders of the same failure were cancelled';
      return [await this.service.reopenByItself(transaction, incident, { at: now, reason })];
    }
    if (how !== 'joined') return [];
    await this.incidents.update(transaction, incident.id, { alertId: alert.id });
    return [{ type: 'alert-joined', data: { alertId: alert.id, summary: alert.summary } }];
  }

  /** The incident knows this version of the alert now; that it has resolved is told once. */
  private async noteTaken(
    transaction: Transaction,
    alert: AlertToTake,
  ): Promise<NewTimelineEntry[]> {
    const before = await this.store.taken(transaction, alert);
    if (alert.state === 'firing' || before === 'resolved') return [];
    return [{ type: 'alert-resolved', data: { alertId: alert.id, summary: alert.summary } }];
  }
}
