import { faultyJob } from '../shop/shop-software.js';
import { shopId, type ShopWrite, type World } from '../world.js';
import type { Checker } from './checker.js';

interface Facts {
  readonly verdict: string;
  readonly isByHand: boolean;
  readonly items: number;
  readonly bleedPosition: number;
  readonly override: string | null;
  readonly runId: string;
  readonly incidentId: string;
}

const factsSql = `
  SELECT c.verdict, c.verdict_by IS NOT NULL AS "isByHand", c.incident_id AS "incidentId", r.id AS "runId",
    (SELECT count(*) FROM restore_plan_item other WHERE other.plan_id = i.plan_id)::int AS items,
    r.bleed_position AS "bleedPosition", r.bleeding_override AS override
  FROM restore_plan_item i JOIN incident_case c ON c.id = i.case_id JOIN restore_run r ON r.plan_id = i.plan_id
  WHERE i.id = $1`;

/** Cancellations that belong to the harm for sure: by its job, of a paid order, and nobody says that it was meant. */
const matchingSql = `
  SELECT j.order_id AS "orderId" FROM journal_entry j
  WHERE j.shop_id = $1 AND j.position > $2 AND j.position <= $3 AND 'cancelled' = ANY(j.kinds) AND j.marker IS NULL
    AND j.actor = $4 AND j.actor_kind = 'job'
    AND EXISTS (SELECT FROM incident_case c WHERE c.incident_id = $5 AND c.verdict = 'wrongful' AND c.actor = $4)
    AND NOT EXISTS (SELECT FROM incident_case c
      WHERE c.incident_id = $5 AND c.order_id = j.order_id AND c.verdict <> 'wrongful')`;

/**
 * Invariant 6: "Only wrongful cancellations are restored in bulk; none while it still bleeds. No customer gets the same
 * notice twice." What customers cancelled themselves is never restored, unless a person says that it was wrong; and no
 * order is begun once a further cancellation of the same harm stands in the journal. (Notices to customers are not built
 * yet; of pages, each is of an event of its own, and none arrives that was not written down.)
 */
export class OnlyTheWrongful implements Checker {
  readonly name = '6: only the wrongful, and none while it bleeds';
  private seen = 0;

  async afterStep(world: World): Promise<string[]> {
    const fresh = world.writes.slice(this.seen).filter(({ item }) => item.action === 'restore');
    this.seen = world.writes.length;
    const found: string[] = [];
    for (const write of fresh) found.push(...(await this.judge(world, write)));
    return found;
  }

  async atRest(world: World): Promise<string[]> {
    const pages = await world.query<{ id: string; key: string }>(
      'SELECT id, dedupe_key AS key FROM page',
    );
    const known = new Set(pages.map(({ id }) => id));
    const keys = pages.map(({ key }) => key);
    const strange = world.receiver.arrived.filter((id) => !known.has(id));
    const twice = keys.filter((key, place) => keys.indexOf(key) !== place);
    return [
      ...strange.map(() => 'a page arrived that nobody wrote down'),
      ...twice.map((key) => `${key} is paged twice`),
    ];
  }

  private async judge(world: World, write: ShopWrite): Promise<string[]> {
    const { orderId, itemId } = write.item;
    const [facts] = await world.query<Facts>(factsSql, [itemId]);
    if (facts === undefined) return [`order ${orderId} was restored without a case or a run`];
    const { verdict, isByHand, items } = facts;
    const isMeant = verdict === 'intended' || (verdict === 'unsure' && items > 1);
    const history = [...world.shop.rowsOf('shop.history').values()];
    const last = history
      .filter((row) => row['order_id'] === orderId && row['kind'] === 'CANCELLED')
      .at(-1);
    const isWish = last?.['actor_kind'] === 'customer' && !isByHand;
    return [
      ...(isMeant ? [`order ${orderId} was restored, and its case is ${verdict}`] : []),
      ...(isWish ? [`order ${orderId} was restored against its customer's wish`] : []),
      ...(await this.bleeding(world, write, facts)),
    ];
  }

  private async bleeding(world: World, write: ShopWrite, facts: Facts): Promise<string[]> {
    const { bleedPosition, override, incidentId } = facts;
    if (override !== null) return [];
    const arrived = await world.query<{ orderId: string }>(matchingSql, [
      ...[shopId, bleedPosition, write.journalledBefore, faultyJob.name, incidentId],
    ]);
    const others = arrived.map(({ orderId }) => orderId).join(', ');
    return arrived.length === 0
      ? []
      : [
          `order ${write.item.orderId} was restored although ${others} had been cancelled since the run began`,
        ];
  }
}
