import { toldTables } from '../../../src/shops/http/told-order-profile.js';
import { toldShopId, type World } from '../world.js';
import type { Checker } from './checker.js';

/**
 * Invariants 3 and 1 for a shop that tells by HTTP: each event that was acknowledged stands in the journal once, none
 * that was never sent; a sound event is never rejected, however late or often it comes; and in whatever order events
 * arrive, each order ends as the newest says.
 */
export class ToldOnce implements Checker {
  readonly name = '3: each told event counts once';

  async afterStep(world: World): Promise<string[]> {
    const { teller } = world;
    const keys = await world.query<{ id: string }>(
      'SELECT event_id AS id FROM order_event_key WHERE shop_id = $1',
      [toldShopId],
    );
    const [journal] = await world.query<{ entries: number; head: number; last: number }>(
      `SELECT count(j.position) AS entries, s.journal_head AS head, coalesce(max(j.position), 0) AS last
       FROM shop s LEFT JOIN journal_entry j ON j.shop_id = s.id WHERE s.id = $1 GROUP BY s.id`,
      [toldShopId],
    );
    const known = new Set(keys.map(({ id }) => id));
    const lost = [...teller.taken].filter((id) => !known.has(id));
    const strange = [...known].filter((id) => !teller.sent.has(id));
    const counts = [journal?.entries, journal?.head, journal?.last];
    return [
      ...lost.map((id) => `the event ${id} was acknowledged, and is lost`),
      ...strange.map((id) => `the event ${id} was never sent`),
      ...(counts.every((count) => count === known.size)
        ? []
        : [`${known.size} events were taken, the journal has ${counts.join(', ')}`]),
    ];
  }

  async atRest(world: World): Promise<string[]> {
    const { teller } = world;
    const open = teller.events.filter(({ id }) => !teller.taken.has(id));
    const rows = await world.query<{ orderId: string; status: string }>(
      `SELECT order_id AS "orderId", image ->> 'status' AS status FROM row_image WHERE shop_id = $1 AND table_name = $2`,
      [toldShopId, toldTables.order],
    );
    const stands = new Map(rows.map(({ orderId, status }) => [orderId, status]));
    const wrong = [...teller.standing()].filter(([id, status]) => stands.get(id) !== status);
    return [
      ...open.map(({ id }) => `the event ${id} was never acknowledged`),
      ...wrong.map(
        ([id, status]) => `order ${id} is ${stands.get(id) ?? 'unknown'}, not ${status}`,
      ),
    ];
  }
}
