import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../platform/database/database.js';
import { AlikeService } from './alike/alike.service.js';
import { fitsCancellation, type FilteredCancellation } from './announcements/announcement.js';
import { GrowthStore, type JournalRange } from './growth.store.js';
import { IncidentProgressService } from './incident-progress.service.js';
import type { Declaration, Incident } from './incident.js';
import { IncidentStore } from './incident.store.js';
import { TimelineService } from './timeline.service.js';
import {
  JudgingService,
  type GatheredCancellation,
  type IncidentPlace,
} from './verdict/judging.service.js';

/** Journal entries looked through in one transaction. */
const window = 2_000;
/** Follows the journal for open incidents: what becomes known of their orders, what declared ones look for, and what is like their wrongful cases. */
@Injectable()
export class IncidentFollowService {
  constructor(
    private readonly database: Database,
    private readonly store: GrowthStore,
    private readonly incidents: IncidentStore,
    private readonly judging: JudgingService,
    private readonly progress: IncidentProgressService,
    private readonly timeline: TimelineService,
    private readonly alike: AlikeService,
  ) {}

  /** Reads on in the journal for this incident; `more` where it has not come to the end. */
  async follow(incidentId: string, now: Date): Promise<'done' | 'more'> {
    const found = await this.incidents.read(this.database, incidentId);
    if (found === undefined) return 'done';
    const settledUntil = await this.judging.settledUntil(found, now);
    return this.database.transaction(async (transaction) => {
      const incident = await this.incidents.lock(transaction, incidentId);
      if (incident === undefined || incident.status === 'resolved') return 'done';
      const { shopId, journalPosition: after } = incident;
      const place = { incidentId, shopId, now };
      const head = await this.store.journalHead(transaction, shopId);
      const range = { shopId, after, upTo: Math.min(after + window, head) };
      const collected = await this.collectDeclared(transaction, incident, { range, now });
      const explained = await this.judging.explain(transaction, place, range);
      const renewed = await this.judging.renew(transaction, place, range);
      const settled = await this.judging.settle(transaction, place, settledUntil);
      await this.timeline.appendAll(transaction, { incidentId, at: now }, [
        ...explained,
        ...renewed.entries,
      ]);
      if (collected.added + explained.length + renewed.orders + settled > 0)
        await this.judgeAndTell(transaction, incident, { ...place, added: collected.added });
      const alike = await this.alike.add(transaction, incident, { range, now });
      if (alike.added > 0)
        await this.judgeAndTell(transaction, incident, { ...place, added: alike.added });
      await this.store.setPosition(transaction, incidentId, collected.upTo);
      const isBehind = collected.upTo === range.upTo && range.upTo < head;
      return isBehind || alike.more ? 'more' : 'done';
    });
  }

  private async judgeAndTell(
    transaction: Transaction,
    incident: Incident,
    place: IncidentPlace & { added: number },
  ): Promise<void> {
    const { now, added } = place;
    const verdicts = await this.judging.judge(transaction, place);
    const changes = await this.progress.refresh(transaction, incident, {
      ...{ now, added, opened: false },
    });
    await this.timeline.appendAll(transaction, { incidentId: incident.id, at: now }, [
      ...verdicts,
      ...changes,
    ]);
  }

  /**
   * Adds what a declaration is about; gives how far it could be told. An entry of which nobody knows yet
   * what the declaration asks for (who did it, or why) is left for the next time, until it has settled.
   */
  private async collectDeclared(
    transaction: Transaction,
    incident: Incident,
    { range, now }: { range: JournalRange; now: Date },
  ): Promise<{ added: number; upTo: number }> {
    const { declaration } = incident;
    if (declaration === null) return { added: 0, upTo: range.upTo };
    const found = await this.store.declaredOrders(transaction, range, declaration);
    const positions = new Map(found.map((one) => [one.orderId, one.position]));
    const gathered = await this.judging.gather(transaction, incident.shopId, [...positions.keys()]);
    const positionOf = ({ cancellation }: GatheredCancellation) =>
      positions.get(cancellation.orderId) ?? cancellation.position;
    const fits = (one: GatheredCancellation) => fitsCancellation(declaration.filter, lookedAt(one));
    const unsettled = gathered.filter(
      (one) => maySettle(one, now) && !tellsWhatIsAsked(declaration, one),
    );
    const upTo = Math.min(range.upTo, ...unsettled.map((one) => positionOf(one) - 1));
    const fitting = gathered.filter((one) => positionOf(one) <= upTo && fits(one));
    const place = { incidentId: incident.id, shopId: incident.shopId, now };
    return { added: await this.judging.add(transaction, place, fitting), upTo };
  }
}

function maySettle({ facts }: GatheredCancellation, now: Date): boolean {
  return facts.settlesAt !== null && new Date(facts.settlesAt) > now;
}

/** What the shop has once told of it does not change any more. */
function tellsWhatIsAsked({ filter }: Declaration, { facts }: GatheredCancellation): boolean {
  return (
    (filter.actorKind === undefined || facts.actorKind !== 'unknown') &&
    (filter.actor === undefined || facts.actor !== null) &&
    (filter.reason === undefined || facts.reason !== null)
  );
}

function lookedAt({ cancellation, facts }: GatheredCancellation): FilteredCancellation {
  const { actorKind, actor, reason } = facts;
  return { attributes: cancellation.attributes, actorKind, actor, reason };
}
