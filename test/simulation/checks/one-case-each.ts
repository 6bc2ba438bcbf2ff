import type { World } from '../world.js';
import type { Checker } from './checker.js';

/**
 * Invariant 7: "At most one open incident per alert fingerprint; every affected order is exactly one case of it."
 * An order that is a case of one open incident is not made one of another. (Compensations are not built yet.)
 */
export class OneCaseEach implements Checker {
  readonly name = '7: one open incident, one case for each order';

  async afterStep(world: World): Promise<string[]> {
    const twins = await world.query<{ what: string }>(
      `SELECT 'open incidents of the fingerprint ' || fingerprint AS what FROM incident
       WHERE status <> 'resolved' GROUP BY fingerprint HAVING count(*) > 1
       UNION ALL
       SELECT 'cases of order ' || order_id || ' in one incident' FROM incident_case
       GROUP BY incident_id, order_id HAVING count(*) > 1
       UNION ALL
       SELECT 'incidents of one alert' FROM incident_alert GROUP BY alert_id HAVING count(DISTINCT incident_id) > 1`,
    );
    const strangers = await world.query<{ orderId: string }>(
      `SELECT DISTINCT order_id AS "orderId" FROM incident_case c WHERE NOT EXISTS (
         SELECT FROM journal_entry j WHERE j.shop_id = c.shop_id AND j.order_id = c.order_id AND 'cancelled' = ANY(j.kinds))
         AND c.evidence = 'journal'`,
    );
    return [
      ...twins.map(({ what }) => `two ${what}`),
      ...strangers.map(({ orderId }) => `order ${orderId} is a case, and was never cancelled`),
    ];
  }

  async atRest(world: World): Promise<string[]> {
    const missing = await world.query<{ orderId: string; number: number }>(
      `SELECT DISTINCT e.order_id AS "orderId", i.number
       FROM incident i JOIN incident_alert ia ON ia.incident_id = i.id JOIN alert a ON a.id = ia.alert_id
         JOIN finding_entry e ON e.finding_id = a.finding_id
       WHERE i.status <> 'resolved' AND NOT EXISTS (
         SELECT FROM incident_case c JOIN incident own ON own.id = c.incident_id
         WHERE c.shop_id = i.shop_id AND c.order_id = e.order_id AND (own.id = i.id OR own.status <> 'resolved'))`,
    );
    const unheard = await world.query<{ id: string }>(
      `SELECT id FROM alert a WHERE finding_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM incident_alert ia WHERE ia.alert_id = a.id)`,
    );
    return [
      ...missing.map(
        ({ orderId, number }) => `order ${orderId} was found, and is no case of incident ${number}`,
      ),
      ...unheard.map(() => 'an alert has no incident'),
    ];
  }
}
